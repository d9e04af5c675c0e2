import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Revocation, revokeToken } from '../../../lambda/oauth/revocation.ts'
import { RevocationFeed } from '../../../lambda/oauth/revocation-feed.ts'
import type { ReadRevocations } from '../../../lambda/oauth/revocation-load.ts'
import { MalformedRecord, Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { newFeed, virtualClock } from './support/fake-revocations.ts'
import { clientId, nowSeconds } from './support/token-maker.ts'

const token = { jti: 'token-1', clientId, kid: 'key-1', iat: nowSeconds }
const revocation = revokeToken('token-1', nowSeconds + 600)
const nothing = { revocations: [], next: undefined }

/** A feed that is whole, over a store whose reading is then replaced. */
async function newStartedFeed(refreshSeconds = 5) {
  const clock = virtualClock()
  const store = {
    read: (async () => nothing) as ReadRevocations,
    lookUp: async (): Promise<readonly Revocation[]> => [],
    lookUps: 0,
  }
  const outages: number[] = []
  const refreshes: number[] = []
  const feed = new RevocationFeed(
    {
      read: (...page) => store.read(...page),
      lookUp: async () => {
        store.lookUps++
        return store.lookUp()
      },
    },
    {
      shards: 2,
      refreshSeconds,
      outageGraceSeconds: 60,
      onOutage: age => outages.push(age),
      onRefresh: age => refreshes.push(age),
      random: () => 0,
    },
    clock,
  )
  await feed.start(2000)
  return { clock, store, outages, refreshes, feed }
}

describe('a refresh', () => {
  it('with a malformed page in one shard takes nothing from the others either', async () => {
    const { feed, store, clock, outages, refreshes } = await newStartedFeed()
    store.read = async shard => {
      if (shard === '1') throw new MalformedRecord('x')
      return { revocations: [revocation], next: undefined }
    }
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(false)
    expect([outages, refreshes]).toEqual([[5.001], []])
    clock.advance(60_000)
    await expect(feed.isRevoked(token)).rejects.toBeInstanceOf(Unavailable)
  })

  it('whose second page fails takes nothing from the first', async () => {
    const { feed, store, clock, outages } = await newStartedFeed()
    store.read = async (_, __, cursor) => {
      if (cursor !== undefined) throw new Unavailable('store')
      return { revocations: [revocation], next: 'more' }
    }
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(false)
    expect(outages).toEqual([5.001])
  })

  it('follows all its pages before it decides', async () => {
    const { feed, store, clock, refreshes } = await newStartedFeed()
    store.read = async (_, __, cursor) =>
      cursor === 'more' ? { revocations: [revocation], next: undefined } : { revocations: [], next: 'more' }
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(true)
    expect(refreshes).toEqual([5.001])
  })

  it('that is not at its last page when its time is over takes in nothing: a look-up decides', async () => {
    const { feed, store, clock, outages, refreshes } = await newStartedFeed()
    store.read = async () => {
      clock.advance(600)
      return { revocations: [revocation], next: 'more' }
    }
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(false)
    store.lookUp = async () => [revocation]
    expect(await feed.isRevoked(token)).toBe(true)
    expect([store.lookUps, outages, refreshes]).toEqual([2, [], []])
  })

  it('makes the snapshot as old as its start: what it took does not count as fresh', async () => {
    const { feed, store, clock } = await newStartedFeed()
    let reads = 0
    store.read = async () => {
      reads++
      clock.advance(400)
      return nothing
    }
    clock.advance(5001)
    await feed.isRevoked(token)
    expect(reads).toBe(2)
    clock.advance(4200)
    await feed.isRevoked(token)
    expect(reads).toBe(2)
    clock.advance(1)
    await feed.isRevoked(token)
    expect(reads).toBe(4)
  })

  it('does not touch the table for a snapshot exactly as old as it may be', async () => {
    const { feed, store, clock } = await newStartedFeed()
    store.read = () => Promise.reject(new Error('not now'))
    clock.advance(5000)
    expect(await feed.isRevoked(token)).toBe(false)
    expect(store.lookUps).toBe(0)
  })
})

describe('a wall clock that jumps forward', () => {
  it('makes the snapshot old, and unusable when it cannot be read again', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    store.state.isDown = true
    clock.jumpWall(65_001)
    await expect(feed.isRevoked(token)).rejects.toBeInstanceOf(Unavailable)
  })
})

describe('a store that does not answer', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('delays a decision by a second at most, which then comes from the last snapshot', async () => {
    const { feed, store, clock, outages } = await newStartedFeed()
    store.read = () => new Promise(() => undefined)
    clock.advance(5001)
    const decisions = Promise.all([feed.isRevoked(token), feed.isRevoked(token)])
    clock.advance(1000)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await decisions).toEqual([false, false])
    expect(outages).toEqual([6.001])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('delays a decision by 1.4 s at most when it answers a page of the refresh and then no more', async () => {
    const { feed, store, clock, outages } = await newStartedFeed()
    store.read = (_, __, cursor) =>
      cursor === undefined
        ? Promise.resolve({ revocations: [revocation], next: 'more' })
        : new Promise(() => undefined)
    store.lookUp = () => new Promise(() => undefined)
    clock.advance(5001)
    const decision = feed.isRevoked({ ...token, jti: 'other' })
    await vi.advanceTimersByTimeAsync(0)
    clock.advance(1000)
    await vi.advanceTimersByTimeAsync(1000)
    clock.advance(400)
    await vi.advanceTimersByTimeAsync(400)
    expect(await decision).toBe(false)
    expect(outages).toEqual([6.401])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('cannot bring in late what came after the time was up', async () => {
    const { feed, store, clock } = await newStartedFeed()
    const answers: ((page: typeof nothing & { revocations: Revocation[] }) => void)[] = []
    store.read = () => new Promise(resolve => answers.push(resolve))
    clock.advance(5001)
    const decision = feed.isRevoked(token)
    clock.advance(1000)
    await vi.advanceTimersByTimeAsync(1000)
    await decision
    for (const answer of answers) answer({ revocations: [], next: undefined })
    await vi.advanceTimersByTimeAsync(0)
    clock.advance(60_000)
    const late = feed.isRevoked(token)
    const refused = expect(late).rejects.toBeInstanceOf(Unavailable)
    await vi.advanceTimersByTimeAsync(1000)
    await refused
  })

  it('leaves the start after the time it was given, and decisions to look-ups', async () => {
    const { feed, store } = newFeed()
    store.revoke(revocation)
    const read = vi.spyOn(store, 'read').mockReturnValue(new Promise(() => undefined))
    const started = feed.start(2000)
    await vi.advanceTimersByTimeAsync(2000)
    await started
    const decision = feed.isRevoked(token)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await decision).toBe(true)
    expect(store.counts.lookUp).toBe(1)
    expect(read).toHaveBeenCalled()
  })
})
