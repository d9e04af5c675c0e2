import { type Clock, elapsedSince, epochSeconds, type Instant, instant } from './clock.ts'
import { currentSigningKey, isTrusted, type SigningKey } from './signing-key.ts'
import { Unavailable } from './unavailable.ts'

/** `max-age` of the JWKS, and how long any function uses the ring it read. A key is published this long before use. */
export const jwksMaxAgeSeconds = 300

/** An unknown `kid` makes one read in this time, however many ask. */
const unknownKeyIntervalMilliseconds = 10_000

/** A ring that was read before and cannot be now is asked for again after this time. */
const retryIntervalMilliseconds = 1000

/**
 * The ring of signing keys as one execution environment knows it. While the ring cannot be read the last good copy
 * serves: a key's own end and the revocation of a key take effect all the same.
 */
export class SigningKeyRing {
  readonly #read: () => Promise<readonly SigningKey[]>
  readonly #clock: Clock
  #keys: ReadonlyMap<string, SigningKey> = new Map()
  #readAt: Instant | undefined
  #attemptedAt: Instant | undefined
  #refreshing: Promise<void> | undefined

  constructor(read: () => Promise<readonly SigningKey[]>, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** Reads the ring when it is older than the JWKS's `max-age`. @throws Unavailable when there is none at all */
  async refresh(): Promise<void> {
    if (this.#age() < jwksMaxAgeSeconds * 1000) return
    if (this.#sinceAttempt() >= retryIntervalMilliseconds || this.#readAt === undefined)
      await this.#readRing()
    if (this.#readAt === undefined) throw new Unavailable('store')
  }

  /** The trusted key with this identifier, from memory. */
  find(kid: string): SigningKey | undefined {
    const key = this.#keys.get(kid)
    return key !== undefined && isTrusted(key, epochSeconds(this.#clock)) ? key : undefined
  }

  /** As `find`, but an identifier never seen makes the ring be read again, at most once in ten seconds. */
  async findOrRead(kid: string): Promise<SigningKey | undefined> {
    await this.refresh()
    if (!this.#keys.has(kid) && this.#sinceAttempt() >= unknownKeyIntervalMilliseconds) await this.#readRing()
    return this.find(kid)
  }

  /** The key that signs now. @throws Unavailable when the ring has none */
  async current(nowSeconds: number): Promise<SigningKey> {
    await this.refresh()
    const key = currentSigningKey([...this.#keys.values()], nowSeconds)
    if (key === undefined) throw new Unavailable('store')
    return key
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
    try {
      const keys = await this.#read()
      // An empty ring is a fault, not a fact: keys that were trusted are not forgotten for it.
      if (keys.length === 0) return
      this.#keys = new Map(keys.map(key => [key.kid, key]))
      this.#readAt = startedAt
    } catch {
      // The adapter has reported it; the last good ring serves.
    }
  }
}
