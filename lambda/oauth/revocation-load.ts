import { type Clock, elapsedSince, type Instant, instant } from './clock.ts'
import type { Revocation } from './revocation.ts'

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

/**
 * One reading of all shards, page by page, so that it can go on in a later invocation. Nothing of it counts before it
 * is whole, and its age counts from its start.
 */
export class RevocationLoad {
  readonly startedAt: Instant
  readonly revocations: Revocation[] = []
  readonly #read: ReadRevocations
  readonly #revokedSince: number
  readonly #cursors: Map<string, unknown>
  #reading: Promise<void> | undefined

  constructor(read: ReadRevocations, shards: number, revokedSince: number, clock: Clock) {
    this.startedAt = instant(clock)
    this.#read = read
    this.#revokedSince = revokedSince
    this.#cursors = new Map(Array.from({ length: shards }, (_, shard) => [String(shard), undefined]))
  }

  get isWhole(): boolean {
    return this.#cursors.size === 0
  }

  /** Reads the next page of every shard that has one. @throws what the store throws; the load can then go on. */
  async readNextPages(): Promise<void> {
    // A step that somebody stopped waiting for is the same step for the next one who asks.
    this.#reading ??= this.#readPages().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
  }

  async #readPages(): Promise<void> {
    const reads = [...this.#cursors].map(async ([shard, cursor]) => {
      const page = await this.#read(shard, this.#revokedSince, cursor)
      for (const revocation of page.revocations) this.revocations.push(revocation)
      if (page.next === undefined) this.#cursors.delete(shard)
      else this.#cursors.set(shard, page.next)
    })
    await Promise.all(reads)
  }

  /** Reads on until it is whole or the time is up. @returns whether it is whole */
  async readFor(milliseconds: number, clock: Clock): Promise<boolean> {
    const start = instant(clock)
    while (!this.isWhole && elapsedSince(start, clock) < milliseconds) await this.readNextPages()
    return this.isWhole
  }
}
