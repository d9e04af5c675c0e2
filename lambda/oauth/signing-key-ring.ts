import { type Clock, elapsedSince, epochSeconds, type Instant, instant } from './clock.ts'
import { isTrusted, type SigningKey, signingCandidates } from './signing-key.ts'
import { jwksMaxAgeSeconds, signingRingLimitSeconds } from './signing-key-times.ts'
import { Unavailable } from './unavailable.ts'
import { withinTime } from './within-time.ts'

export interface SigningKeyRingOptions {
  /** How old the copy gets before the ring is read again. @default 300, the max-age of the JWKS */
  readonly refreshSeconds?: number
  /**
   * How soon after a reading an unknown `kid` makes another one. 0 = always, so that an answer holds at the time of the
   * question: for those who have authenticated. Anybody can make up identifiers. @default 10
   */
  readonly unknownKeySeconds?: number
}

/** How long anybody waits for a ring that was read before: its last good copy serves, too. */
const waitLimitMilliseconds = 400

/** A ring that was read before and cannot be now is asked for again after this time. */
const retryIntervalMilliseconds = 1000

/**
 * The ring of signing keys as one execution environment knows it. While the ring cannot be read the last good copy
 * serves: a key's own end and the revocation of a key take effect all the same.
 */
export class SigningKeyRing {
  readonly #read: () => Promise<readonly SigningKey[]>
  readonly #clock: Clock
  readonly #refreshMilliseconds: number
  readonly #unknownKeyMilliseconds: number
  #keys: ReadonlyMap<string, SigningKey> = new Map()
  #readAt: Instant | undefined
  #attemptedAt: Instant | undefined
  /** Whether the last reading has failed; of no meaning while one goes on. */
  #hasFailed = false
  #refreshing: Promise<void> | undefined

  constructor(
    read: () => Promise<readonly SigningKey[]>,
    clock: Clock,
    { refreshSeconds = jwksMaxAgeSeconds, unknownKeySeconds = 10 }: SigningKeyRingOptions = {},
  ) {
    this.#read = read
    this.#clock = clock
    this.#refreshMilliseconds = refreshSeconds * 1000
    this.#unknownKeyMilliseconds = unknownKeySeconds * 1000
  }

  /** Reads the ring when the copy is too old. @throws Unavailable when there is none at all */
  async refresh(): Promise<void> {
    if (!this.isDue) return
    if (this.#readAt === undefined) await this.#readRing()
    else if (this.#sinceAttempt() >= retryIntervalMilliseconds)
      await withinTime(this.#readRing(), waitLimitMilliseconds).catch(() => {})
    if (this.#readAt === undefined) throw new Unavailable('store')
  }

  /** Whether the copy is so old that the ring is to be read again. */
  get isDue(): boolean {
    return this.#age() >= this.#refreshMilliseconds
  }

  /** The trusted key with this identifier, from memory. */
  find(kid: string): SigningKey | undefined {
    const key = this.#keys.get(kid)
    return key !== undefined && isTrusted(key, epochSeconds(this.#clock)) ? key : undefined
  }

  /** As `find`, but an identifier never seen makes the ring be read again, if it is time. @throws Unavailable when that fails */
  async findOrRead(kid: string): Promise<SigningKey | undefined> {
    await this.refresh()
    if (this.#keys.has(kid)) return this.find(kid)
    // A reading that is under way may have begun before the key was there.
    if (this.#refreshing !== undefined) await this.#readRing()
    if (!this.#keys.has(kid) && this.#sinceAttempt() >= this.#unknownKeyMilliseconds) await this.#readRing()
    // It may be a key of ours that the old copy does not have: a token of it must not be called invalid for that.
    if (!this.#keys.has(kid) && this.#hasFailed) throw new Unavailable('store')
    return this.find(kid)
  }

  /**
   * The keys to sign with now, the first that can be used. A copy that is minutes old may have a key that signs no more,
   * whose tokens would soon be refused. @throws Unavailable when there is none
   */
  async signingKeys(nowSeconds: number): Promise<readonly SigningKey[]> {
    await this.refresh()
    const isTooOld = this.#age() > signingRingLimitSeconds * 1000
    const keys = isTooOld ? [] : signingCandidates([...this.#keys.values()], nowSeconds)
    if (keys.length === 0) throw new Unavailable('store')
    return keys
  }

  async all(): Promise<readonly SigningKey[]> {
    await this.refresh()
    return [...this.#keys.values()]
  }

  #age(): number {
    return this.#readAt === undefined ? Number.POSITIVE_INFINITY : elapsedSince(this.#readAt, this.#clock)
  }

  #sinceAttempt(): number {
    return this.#attemptedAt === undefined
      ? Number.POSITIVE_INFINITY
      : elapsedSince(this.#attemptedAt, this.#clock)
  }

  async #readRing(): Promise<void> {
    this.#refreshing ??= this.#replace().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
  }

  async #replace(): Promise<void> {
    const startedAt = instant(this.#clock)
    this.#attemptedAt = startedAt
    this.#hasFailed = true
    try {
      const keys = await this.#read()
      // An empty ring is a fault, not a fact: keys that were trusted are not forgotten for it.
      if (keys.length === 0) return
      this.#keys = new Map(keys.map(key => [key.kid, key]))
      this.#readAt = startedAt
      this.#hasFailed = false
    } catch {
      // The adapter has reported it; the last good ring serves.
    }
  }
}
