import { maxAccessTokenLifetimeSeconds } from './access-token-claims.ts'
import { clockSkewSeconds } from './check-claims.ts'
import { type Clock, elapsedSince, epochSeconds, type Instant, instant } from './clock.ts'
import { type RevocableToken, type Revocation, revokes, subjectsOf } from './revocation.ts'
import { type ReadRevocations, RevocationLoad } from './revocation-load.ts'
import { RevocationSnapshot, type SnapshotLimits } from './revocation-snapshot.ts'
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
  /** Told when there are more revocations than a snapshot may hold: for a while every decision reads the table. */
  readonly onTooMany?: (revocations: number) => void
  /** @default 2,000,000 tokens, 100,000 clients and keys */
  readonly limits?: SnapshotLimits
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number
}

/**
 * Deltas reach back further than the clocks of writers and readers differ (10 s each way) and a write takes from its
 * stamp until it is durable (under 3 s).
 */
const overlapMilliseconds = 30_000

/** What can still match a live token was revoked within this time: a client's moment is at most seconds ahead. */
const historyMilliseconds = (maxAccessTokenLifetimeSeconds + 120) * 1000

/** How long a decision waits for a step of a load that goes on beside it. */
const stepLimitMilliseconds = 250

/** How long a look-up may take where a snapshot can decide instead: it may come on top of a refresh. */
const lookUpLimitMilliseconds = 400

/** How long a refresh may take, and how long after a failed one the next is tried. */
const refreshLimitMilliseconds = 1000
const retryIntervalMilliseconds = 1000

/** By up to this part of the interval a refresh comes early, so that environments do not read in step. */
const greatestJitter = 0.2

/** How long after a snapshot was found too large the next one is tried: so long, up to twice. */
const tooManyIntervalMilliseconds = 600_000

/**
 * Answers whether a token is revoked, within one bound: above 0 from a snapshot that is read as deltas, at 0 by a
 * strongly consistent look-up for each request. Look-ups also decide until the snapshot is whole, while it catches up
 * with more than one refresh can read, and as long as there is more than it may hold.
 */
export class RevocationFeed {
  readonly #store: RevocationStore
  readonly #options: RevocationFeedOptions
  readonly #clock: Clock
  readonly #random: () => number
  #snapshot: RevocationSnapshot | undefined
  #readAt: Instant | undefined
  #refreshAtAge = 0
  /** What goes on beside the decisions: the first reading, or a delta that one refresh could not finish. */
  #load: RevocationLoad | undefined
  #failedAt: Instant | undefined
  #tooManyAt: Instant | undefined
  #tooManyInterval = 0
  #refreshing: Promise<void> | undefined

  constructor(store: RevocationStore, options: RevocationFeedOptions, clock: Clock) {
    this.#store = store
    this.#options = options
    this.#clock = clock
    this.#random = options.random ?? Math.random
  }

  /** Loads what it can in the time given. Never throws: until the snapshot is whole every decision looks up. */
  async start(milliseconds: number): Promise<void> {
    if (this.#options.refreshSeconds === 0) return
    await this.#continueLoad(milliseconds, load => load.readFor(milliseconds))
  }

  /** @throws Unavailable when it cannot be known within the bound, the outage's grace included */
  async isRevoked(token: RevocableToken): Promise<boolean> {
    if (this.#options.refreshSeconds === 0) return this.#lookUp(token)
    if (this.#clockWasPutBack()) this.#forget()
    if (this.#snapshot !== undefined && this.#load === undefined && this.#age() > this.#refreshAtAge)
      await this.#refresh()
    if (this.#snapshot === undefined || this.#load !== undefined) return this.#lookUpAndLoad(token)
    return this.#decide(this.#snapshot, token)
  }

  #decide(snapshot: RevocationSnapshot, token: RevocableToken): boolean {
    const bound = (this.#options.refreshSeconds + this.#options.outageGraceSeconds) * 1000
    if (this.#age() > bound) throw new Unavailable('store')
    return snapshot.isRevoked(token, epochSeconds(this.#clock))
  }

  /** One page a shard along with each decision: the load goes on, and delays nobody for long. */
  async #lookUpAndLoad(token: RevocableToken): Promise<boolean> {
    const snapshot = this.#snapshot
    try {
      const lookUp = this.#lookUp(token)
      const [revoked] = await Promise.all([
        snapshot === undefined ? lookUp : withinTime(lookUp, lookUpLimitMilliseconds),
        this.#continueLoad(stepLimitMilliseconds, load => load.readNextPages()),
      ])
      // What was known to be revoked stays so, whatever the store says now.
      return revoked || (snapshot?.isRevoked(token, epochSeconds(this.#clock)) ?? false)
    } catch (error) {
      if (!(error instanceof Unavailable) || snapshot === undefined) throw error
      // An outage amid the catching up, with the same grace as any other.
      this.#options.onOutage(this.#age() / 1000)
      return this.#decide(snapshot, token)
    }
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
    const readAt = this.#readAt ?? this.#load?.startedAt
    if (readAt === undefined) return false
    const wall = this.#clock.now() - readAt.wall
    return this.#clock.monotonic() - readAt.monotonic - wall > clockSkewSeconds * 1000
  }

  #forget(): void {
    this.#snapshot = undefined
    this.#readAt = undefined
    this.#load = undefined
  }

  /** Milliseconds since the start of the last whole reading. */
  #age(): number {
    return this.#readAt === undefined ? Number.POSITIVE_INFINITY : elapsedSince(this.#readAt, this.#clock)
  }

  async #continueLoad(limit: number, read: (load: RevocationLoad) => Promise<void>): Promise<void> {
    if (this.#isWithin(this.#tooManyInterval, this.#tooManyAt)) return
    this.#load ??= this.#newLoad(this.#clock.now() - historyMilliseconds)
    const load = this.#load
    if (load.isResting) return
    await withinTime(read(load), limit).catch(() => undefined)
    if (this.#load === load) this.#accept(load)
  }

  async #refresh(): Promise<void> {
    if (this.#isWithin(retryIntervalMilliseconds, this.#failedAt)) return
    this.#refreshing ??= this.#readDeltas().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
  }

  async #readDeltas(): Promise<void> {
    const readAt = this.#readAt
    if (readAt === undefined) return
    const load = this.#newLoad(readAt.wall - overlapMilliseconds)
    await withinTime(load.readFor(refreshLimitMilliseconds), refreshLimitMilliseconds).catch(() => undefined)
    if (load.hasFailed || load.steps === 0) {
      this.#failedAt = instant(this.#clock)
      this.#options.onOutage(this.#age() / 1000)
      return
    }
    if (this.#readAt !== readAt) return
    // Where all shards answer, and there is only more to read than there is time, it goes on beside the decisions.
    this.#load = load
    this.#accept(load)
  }

  #isWithin(milliseconds: number, since: Instant | undefined): boolean {
    return since !== undefined && elapsedSince(since, this.#clock) < milliseconds
  }

  #newLoad(revokedSince: number): RevocationLoad {
    const { shards, limits } = this.#options
    const snapshot = new RevocationSnapshot(limits)
    const options = { shards, revokedSince, clock: this.#clock, random: this.#random, snapshot }
    return new RevocationLoad(this.#store.read, options)
  }

  /** Takes in what a load has read, once it is whole. */
  #accept(load: RevocationLoad): void {
    if (load.isTooLarge) this.#giveUp(load.size)
    if (load.whole === undefined) return
    if (this.#snapshot === undefined) {
      this.#snapshot = load.whole
    } else {
      this.#options.onRefresh(this.#age() / 1000)
      this.#snapshot.addAll(load.whole)
    }
    this.#snapshot.prune(load.startedAt.wall / 1000)
    this.#readAt = load.startedAt
    this.#refreshAtAge = this.#options.refreshSeconds * 1000 * (1 - greatestJitter * this.#random())
    this.#load = undefined
    this.#failedAt = undefined
    if (this.#snapshot.isTooLarge) this.#giveUp(this.#snapshot.size)
  }

  #giveUp(revocations: number): void {
    this.#forget()
    this.#tooManyAt = instant(this.#clock)
    this.#tooManyInterval = tooManyIntervalMilliseconds * (1 + this.#random())
    this.#options.onTooMany?.(revocations)
  }
}
