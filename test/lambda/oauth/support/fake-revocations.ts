import { type Revocation, revocationSubject, shardOf } from '../../../../lambda/oauth/revocation.ts'
import { RevocationFeed, type RevocationFeedOptions } from '../../../../lambda/oauth/revocation-feed.ts'
import { Unavailable } from '../../../../lambda/oauth/unavailable.ts'
import { nowSeconds } from './token-maker.ts'

export const shards = 2

/** A clock whose two hands move as they are told. */
export function virtualClock() {
  let wall = nowSeconds * 1000
  let monotonic = 0
  return {
    now: () => wall,
    monotonic: () => monotonic,
    /** Time passes for both. */
    advance(milliseconds: number) {
      wall += milliseconds
      monotonic += milliseconds
    },
    jumpWall(milliseconds: number) {
      wall += milliseconds
    },
  }
}

/** A revocations table in memory, which counts what it is asked and fails on demand. */
export function fakeRevocations(clock: { now(): number; advance(milliseconds: number): void }) {
  const rows = new Map<string, { revokedAt: number; revocation: Revocation }>()
  const counts = { read: 0, lookUp: 0 }
  const state = { isDown: false, pageSize: 1000, isPoisoned: false, pageMilliseconds: 0 }
  const sinces: number[] = []
  const cursors: unknown[] = []
  return {
    counts,
    state,
    sinces,
    cursors,
    revoke(revocation: Revocation, revokedAt = clock.now()) {
      rows.set(revocationSubject(revocation), { revokedAt, revocation })
    },
    forget() {
      rows.clear()
    },
    async read(shard: string, revokedSince: number, cursor: unknown) {
      counts.read++
      sinces.push(revokedSince)
      cursors.push(cursor)
      clock.advance(state.pageMilliseconds)
      if (state.isDown || state.isPoisoned) throw new Unavailable('store')
      const found = [...rows]
        .filter(([subject, row]) => shardOf(subject, shards) === shard && row.revokedAt >= revokedSince)
        .map(([, { revocation }]) => revocation)
      const start = Number(cursor ?? 0)
      const end = start + state.pageSize
      return { revocations: found.slice(start, end), next: end < found.length ? end : undefined }
    },
    async lookUp(subjects: readonly string[]) {
      counts.lookUp++
      if (state.isDown) throw new Unavailable('store')
      return subjects.flatMap(subject => rows.get(subject)?.revocation ?? [])
    },
  }
}

export function newFeed(options: Partial<RevocationFeedOptions> = {}) {
  const clock = virtualClock()
  const store = fakeRevocations(clock)
  const outages: number[] = []
  const feed = new RevocationFeed(
    store,
    {
      shards,
      refreshSeconds: 5,
      outageGraceSeconds: 60,
      onOutage: age => outages.push(age),
      onRefresh: () => undefined,
      random: () => 0,
      ...options,
    },
    clock,
  )
  return { clock, store, feed, outages }
}
