import { type Clock, elapsedSince, type Instant, instant } from './clock.ts'
import type { Revocation } from './revocation.ts'
import { RevocationSnapshot } from './revocation-snapshot.ts'

export interface RevocationPage {
  readonly revocations: readonly Revocation[]
  /** Where the next page starts; undefined = this was the last. */
  readonly next: unknown
}

/** Reads one page of a shard's revocations made since a time (epoch milliseconds), strongly consistent. */
export type ReadRevocations = (
  shard: string,
  revokedSince: number,
  cursor: unknown,
) => Promise<RevocationPage>

/** After a failed step the load rests, twice as long with each, so that look-ups come first at a store in distress. */
const firstRestMilliseconds = 1000
const longestRestMilliseconds = 60_000

export interface RevocationLoadOptions {
  readonly shards: number
  /** Epoch milliseconds. */
  readonly revokedSince: number
  readonly clock: Clock
  /** From 0 to 1: takes up to half off each rest, so that environments do not come back in step. */
  readonly random: () => number
  /** What is read is put in here. */
  readonly snapshot?: RevocationSnapshot
}

/**
 * One reading of all shards, page by page, so that it can go on in a later invocation. Pages are put straight into a
 * snapshot of its own, which nobody gets before it is whole; its age counts from the reading's start.
 */
export class RevocationLoad {
  readonly startedAt: Instant
  readonly #read: ReadRevocations
  readonly #options: RevocationLoadOptions
  readonly #cursors: Map<string, unknown>
  readonly #snapshot: RevocationSnapshot
  #reading: Promise<void> | undefined
  #steps = 0
  #failures = 0
  #rest: { readonly since: Instant; readonly milliseconds: number } | undefined

  constructor(read: ReadRevocations, options: RevocationLoadOptions) {
    this.startedAt = instant(options.clock)
    this.#read = read
    this.#options = options
    this.#snapshot = options.snapshot ?? new RevocationSnapshot()
    this.#cursors = new Map(Array.from({ length: options.shards }, (_, shard) => [String(shard), undefined]))
  }

  /** What was read; undefined until it is whole. */
  get whole(): RevocationSnapshot | undefined {
    return this.#cursors.size === 0 && !this.isTooLarge ? this.#snapshot : undefined
  }

  /** There is more than a snapshot may hold: the reading has ended. */
  get isTooLarge(): boolean {
    return this.#snapshot.isTooLarge
  }

  get size(): number {
    return this.#snapshot.size
  }

  /** How often every shard that had a next page has answered with it. */
  get steps(): number {
    return this.#steps
  }

  /** Whether its last step failed. */
  get hasFailed(): boolean {
    return this.#rest !== undefined
  }

  get isResting(): boolean {
    return (
      this.#rest !== undefined &&
      elapsedSince(this.#rest.since, this.#options.clock) < this.#rest.milliseconds
    )
  }

  /** Reads the next page of every shard that has one. @throws what the store throws; the load can then go on. */
  async readNextPages(): Promise<void> {
    // A step that somebody stopped waiting for is the same step for the next one who asks.
    this.#reading ??= this.#readPages().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
  }

  /** The step ends with its last answer, whatever the others were: no page is asked for twice at a time. */
  async #readPages(): Promise<void> {
    const reads = [...this.#cursors].map(([shard, cursor]) => this.#readPage(shard, cursor))
    const failure = (await Promise.allSettled(reads)).find(outcome => outcome.status === 'rejected')
    if (failure === undefined) {
      this.#steps++
      this.#failures = 0
      this.#rest = undefined
      return
    }
    const longest = Math.min(longestRestMilliseconds, firstRestMilliseconds * 2 ** this.#failures++)
    const milliseconds = longest * (1 - this.#options.random() / 2)
    this.#rest = { since: instant(this.#options.clock), milliseconds }
    throw failure.reason
  }

  async #readPage(shard: string, cursor: unknown): Promise<void> {
    const page = await this.#read(shard, this.#options.revokedSince, cursor)
    // Where tokens live for minutes, most of an hour's rows have expired. They had so when the reading started: by a
    // clock that is ahead only later, nothing is left out.
    for (const revocation of page.revocations)
      if (revocation.expiresAt > this.startedAt.wall / 1000) this.#snapshot.add(revocation)
    if (page.next === undefined) this.#cursors.delete(shard)
    else this.#cursors.set(shard, page.next)
  }

  /** Reads on until it has ended or the time is up. */
  async readFor(milliseconds: number): Promise<void> {
    const start = instant(this.#options.clock)
    while (this.#isUnfinished && elapsedSince(start, this.#options.clock) < milliseconds)
      await this.readNextPages()
  }

  get #isUnfinished(): boolean {
    return this.#cursors.size > 0 && !this.isTooLarge
  }
}
