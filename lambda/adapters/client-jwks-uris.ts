import { type ClientKey, parseClientJwks } from '../oauth/client-keys.ts'
import { type Clock, elapsedSince, type Instant, instant } from '../oauth/clock.ts'
import type { JwsAlgorithm } from '../oauth/public-key.ts'
import { type FetchJwksSettings, fetchJwks } from './fetch-jwks.ts'
import type { Records } from './records.ts'

export interface ClientJwksUrisPorts {
  readonly clock: Clock
  readonly records: Pick<Records, 'clientKeysUnavailable'>
}

/** How long fetched keys are used without asking again, from the start of the fetch. */
const freshMilliseconds = 300_000

/** How long they are used where asking fails. */
const lastGoodMilliseconds = 3_600_000

/** A URI is asked no more often, whether it fails or lacks a key that assertions name. */
const askIntervalMilliseconds = 10_000

const maxUris = 100

/** A set of keys that was fetched. Which of its keys a client may use depends on the client's algorithm. */
interface FetchedJwks {
  readonly document: unknown
  readonly askedAt: Instant
  readonly keys: Map<JwsAlgorithm | undefined, readonly ClientKey[] | undefined>
}

interface Entry {
  lastGood: FetchedJwks | undefined
  askedAt: Instant | undefined
  asking: Promise<void> | undefined
}

/** The keys that clients publish at their `jwks_uri` (RFC 7591 §2), fetched when they are needed and kept for a while. */
export class ClientJwksUris {
  readonly #clock: Clock
  readonly #records: Pick<Records, 'clientKeysUnavailable'>
  readonly #settings: FetchJwksSettings
  /** The one that was asked longest ago comes first. */
  readonly #entries = new Map<string, Entry>()

  constructor({ clock, records }: ClientJwksUrisPorts, settings: FetchJwksSettings) {
    this.#clock = clock
    this.#records = records
    this.#settings = settings
  }

  /**
   * The keys at a client's `jwks_uri`, all of them checked as registered ones are. They are at most 300 s old, or one
   * hour where they cannot be fetched; a key that is new is found 10 s after the URI was asked last.
   *
   * @param kid the key that an assertion names: where it is not among them, they are fetched anew; undefined = none
   * @param algorithm the client's; undefined = each key is for its own
   */
  async find(
    uri: string,
    kid: string | undefined,
    algorithm: JwsAlgorithm | undefined,
  ): Promise<readonly ClientKey[] | 'unavailable'> {
    const entry = this.#entries.get(uri) ?? { lastGood: undefined, askedAt: undefined, asking: undefined }
    if (this.#isDue(entry, kid, algorithm)) await this.#ask(uri, entry)
    const { lastGood } = entry
    if (lastGood === undefined || this.#age(lastGood) >= lastGoodMilliseconds) return 'unavailable'
    return this.#keysOf(lastGood, algorithm) ?? 'unavailable'
  }

  #isDue({ lastGood }: Entry, kid: string | undefined, algorithm: JwsAlgorithm | undefined): boolean {
    if (lastGood === undefined || this.#age(lastGood) >= freshMilliseconds) return true
    const keys = this.#keysOf(lastGood, algorithm)
    return keys === undefined || (kid !== undefined && !keys.some(key => key.kid === kid))
  }

  /** Asks, or waits for who is asking already; leaves things as they are where it is too early to ask again. */
  async #ask(uri: string, entry: Entry): Promise<void> {
    if (entry.asking === undefined) {
      const askedAt = instant(this.#clock)
      if (entry.askedAt !== undefined && elapsedSince(entry.askedAt, this.#clock) < askIntervalMilliseconds)
        return
      entry.askedAt = askedAt
      this.#remember(uri, entry)
      entry.asking = this.#fetch(uri, entry, askedAt).finally(() => {
        entry.asking = undefined
      })
    }
    await entry.asking
  }

  async #fetch(uri: string, entry: Entry, askedAt: Instant): Promise<void> {
    const fetched = await fetchJwks(uri, this.#settings)
    if (typeof fetched === 'string') {
      this.#records.clientKeysUnavailable(fetched)
      return
    }
    const { document } = fetched
    // Every set that some algorithm would accept is accepted where no algorithm is asked for.
    const keys = parseClientJwks(document, undefined)
    if (typeof keys === 'string') {
      this.#records.clientKeysUnavailable('keys_refused')
      return
    }
    entry.lastGood = { document, askedAt, keys: new Map([[undefined, keys]]) }
  }

  #keysOf(jwks: FetchedJwks, algorithm: JwsAlgorithm | undefined): readonly ClientKey[] | undefined {
    if (!jwks.keys.has(algorithm)) {
      const keys = parseClientJwks(jwks.document, algorithm)
      if (typeof keys === 'string') this.#records.clientKeysUnavailable('keys_refused')
      jwks.keys.set(algorithm, typeof keys === 'string' ? undefined : keys)
    }
    return jwks.keys.get(algorithm)
  }

  #age({ askedAt }: FetchedJwks): number {
    return elapsedSince(askedAt, this.#clock)
  }

  #remember(uri: string, entry: Entry): void {
    this.#entries.delete(uri)
    this.#entries.set(uri, entry)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > maxUris && oldest !== undefined) this.#entries.delete(oldest)
  }
}
