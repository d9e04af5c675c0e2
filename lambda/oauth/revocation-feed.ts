import { maxAccessTokenLifetimeSeconds } from './access-token-claims.ts'
import { clockSkewSeconds } from './check-claims.ts'
import { type Clock, elapsedSince, epochSeconds, type Instant, instant } from './clock.ts'
import { type RevocableToken, type Revocation, revokes, subjectsOf } from './revocation.ts'
import { type ReadRevocations, RevocationLoad } from './revocation-load.ts'
import { RevocationSnapshot } from './revocation-snapshot.ts'
import { Unavailable } from './unavailable.ts'
import { withinTime } from './within-time.ts'

export interface RevocationStore {
  readonly read: ReadRevocations
  /** Reads the records of these subjects, strongly consistent. @throws Unavailable */
  readonly lookUp: (subjects: readonly string[]) => Promise<readonly Revocation[]>
}

export interface RevocationFeedOptions {
  readonly shards: number
  /** How old the snapshot may be when it decides; 0 = no snapshot, every decision reads the table. */
  readonly refreshSeconds: number
  /** How much older it may be while the store cannot be reached. */
  readonly outageGraceSeconds: number
  /** Told at each failed refresh, with the snapshot's age. */
  readonly onOutage: (ageSeconds: number) => void
  /** Told after a refresh, with the age that the snapshot had reached before it. */
  readonly onRefresh: (ageSeconds: number) => void
}

/**
 * Deltas reach back further than the clocks of writers and readers differ (10 s each way) and a write takes from its
 * stamp until it is durable (under 3 s).
 */
const overlapMilliseconds = 30_000

/** What can still match a live token was revoked within this time: a client's moment is at most seconds ahead. */
const historyMilliseconds = (maxAccessTokenLifetimeSeconds + 120) * 1000

/** How long a decision waits for a step of the first load that goes on beside it. */
const stepLimitMilliseconds = 250

/** How long a refresh may take, and how long after a failed one the next is tried. */
const refreshLimitMilliseconds = 1000
const retryIntervalMilliseconds = 1000

/**
 * Answers whether a token is revoked, within one bound: above 0 from a snapshot that is read as deltas, at 0 by a
 * strongly consistent look-up for each request, which also decides until the snapshot is whole.
 */
export class RevocationFeed {
  readonly #store: RevocationStore
  readonly #options: RevocationFeedOptions
  readonly #clock: Clock
  #snapshot: RevocationSnapshot | undefined
  #readAt: Instant | undefined
  #load: RevocationLoad | undefined
  #failedAt: Instant | undefined
  #refreshing: Promise<void> | undefined

  constructor(store: RevocationStore, options: RevocationFeedOptions, clock: Clock) {
    this.#store = store
    this.#options = options
    this.#clock = clock
  }

  /** Loads what it can in the time given. Never throws: until the snapshot is whole every decision looks up. */
  async start(milliseconds: number): Promise<void> {
    if (this.#options.refreshSeconds === 0) return
    await this.#continueLoad(milliseconds, milliseconds)
  }

  /** @throws Unavailable when it cannot be known within the bound, the outage's grace included */
  async isRevoked(token: RevocableToken): Promise<boolean> {
    if (this.#options.refreshSeconds === 0) return this.#lookUp(token)
    if (this.#clockWasPutBack()) this.#snapshot = undefined
    if (this.#snapshot === undefined) {
      // One page a shard along with each decision: the load goes on, and delays nobody for long.
      const [revoked] = await Promise.all([this.#lookUp(token), this.#continueLoad(1, stepLimitMilliseconds)])
      return revoked
    }
    if (this.#age() > this.#options.refreshSeconds * 1000) await this.#refresh()
    const bound = (this.#options.refreshSeconds + this.#options.outageGraceSeconds) * 1000
    if (this.#age() > bound) throw new Unavailable('store')
    return this.#snapshot.isRevoked(token, epochSeconds(this.#clock))
  }

  async #lookUp(token: RevocableToken): Promise<boolean> {
    const records = await this.#store.lookUp(subjectsOf(token))
    return records.some(record => revokes(record, token, epochSeconds(this.#clock)))
  }

  /**
   * Whether the wall clock has fallen behind the monotonic one since the last reading: it was ahead, so records may have
   * been pruned too early and deltas read from too late. Such a snapshot is not to be trusted.
   */
  #clockWasPutBack(): boolean {
    if (this.#readAt === undefined) return false
    const wall = this.#clock.now() - this.#readAt.wall
    return this.#clock.monotonic() - this.#readAt.monotonic - wall > clockSkewSeconds * 1000
  }

  /** Milliseconds since the start of the last whole reading. */
  #age(): number {
    return this.#readAt === undefined ? Number.POSITIVE_INFINITY : elapsedSince(this.#readAt, this.#clock)
  }

  async #continueLoad(milliseconds: number, limit: number): Promise<void> {
    this.#load ??= this.#newLoad(this.#clock.now() - historyMilliseconds)
    const load = this.#load
    try {
      await withinTime(load.readFor(milliseconds, this.#clock), limit)
    } catch {
      return
    }
    if (load.isWhole && this.#snapshot === undefined) this.#accept(new RevocationSnapshot(), load)
  }

  async #refresh(): Promise<void> {
    const waiting =
      this.#failedAt !== undefined && elapsedSince(this.#failedAt, this.#clock) < retryIntervalMilliseconds
    if (waiting) return
    this.#refreshing ??= this.#readDeltas().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
  }

  async #readDeltas(): Promise<void> {
    if (this.#snapshot === undefined || this.#readAt === undefined) return
    const load = this.#newLoad(this.#readAt.wall - overlapMilliseconds)
    try {
      await withinTime(load.readFor(refreshLimitMilliseconds, this.#clock), refreshLimitMilliseconds)
      if (!load.isWhole) throw new Unavailable('store')
      this.#options.onRefresh(this.#age() / 1000)
      this.#accept(this.#snapshot, load)
    } catch {
      this.#failedAt = instant(this.#clock)
      this.#options.onOutage(this.#age() / 1000)
    }
  }

  #newLoad(revokedSince: number): RevocationLoad {
    return new RevocationLoad(this.#store.read, this.#options.shards, revokedSince, this.#clock)
  }

  #accept(snapshot: RevocationSnapshot, load: RevocationLoad): void {
    snapshot.prune(epochSeconds(this.#clock))
    for (const revocation of load.revocations) snapshot.add(revocation)
    this.#snapshot = snapshot
    this.#readAt = load.startedAt
    this.#load = undefined
    this.#failedAt = undefined
  }
}
