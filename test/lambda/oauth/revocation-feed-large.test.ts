import { describe, expect, it } from 'vitest'
import { type Revocation, revokeClientTokens, revokeToken } from '../../../lambda/oauth/revocation.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { newFeed, shards } from './support/fake-revocations.ts'
import { tokenIds } from './support/token-ids.ts'
import { clientId, nowSeconds } from './support/token-maker.ts'

const token = { jti: 'token-1', clientId, kid: 'key-1', iat: nowSeconds }
const honest = { ...token, jti: 'honest' }
const revocation = revokeToken('token-1', nowSeconds + 3600)
const minutes = 60_000

/** A feed that is whole; then there comes more than one refresh can read, the revocation last. */
async function newBehindFeed() {
  const setUp = newFeed()
  const { feed, store, clock } = setUp
  await feed.start(2000)
  store.state.pageSize = 10
  store.state.pageMilliseconds = 240
  for (const jti of tokenIds(200)) store.revoke(revokeToken(jti, nowSeconds + 3600))
  store.revoke(revocation)
  clock.advance(5001)
  return setUp
}

describe('a delta that is more than one refresh can read', () => {
  it('goes on beside the decisions, which look up until it is whole', async () => {
    const { feed, store, outages } = await newBehindFeed()
    expect(await feed.isRevoked(token)).toBe(true)
    // Of some twenty pages the refresh has read six in its second, and two came along with the look-up.
    expect([store.counts.read - shards, store.counts.lookUp]).toEqual([8, 1])
    store.state.pageMilliseconds = 0
    let decisions = 1
    for (; store.counts.lookUp === decisions; decisions++) {
      expect(await feed.isRevoked(decisions % 2 === 0 ? token : honest)).toBe(decisions % 2 === 0)
    }
    expect(decisions).toBeGreaterThan(5)
    expect(decisions).toBeLessThan(15)
    const { read } = store.counts
    expect([await feed.isRevoked(token), await feed.isRevoked(honest)]).toEqual([true, false])
    expect([store.counts.read, outages]).toEqual([read, []])
  })

  it('never lets a token in again that was refused before, even when the store forgets it in the midst', async () => {
    const { feed, store, clock } = newFeed()
    store.revoke(revocation)
    await feed.start(2000)
    store.state.pageSize = 10
    store.state.pageMilliseconds = 240
    store.forget()
    for (const jti of tokenIds(200)) store.revoke(revokeToken(jti, nowSeconds + 3600))
    clock.advance(5001)
    for (let decision = 0; decision < 5; decision++) expect(await feed.isRevoked(token)).toBe(true)
    expect(store.counts.lookUp).toBe(5)
  })

  it('does not begin again from its first page, however old the snapshot is by then', async () => {
    const { feed, store, clock } = await newBehindFeed()
    clock.advance(10 * minutes)
    for (let decision = 0; decision < 30; decision++) {
      expect(await feed.isRevoked(token)).toBe(true)
      clock.advance(5001)
    }
    const firstPages = store.cursors.filter(cursor => cursor === undefined).length
    const { lookUp } = store.counts
    expect(await feed.isRevoked(honest)).toBe(false)
    expect(store.counts.lookUp).toBe(lookUp)
    // The first reading, the delta, and one for each refresh since; none is repeated.
    expect(firstPages).toBeLessThanOrEqual(30 * shards)
  })

  it('has the grace of any outage when the store fails in its midst, and no more', async () => {
    const { feed, store, clock, outages } = await newBehindFeed()
    expect(await feed.isRevoked(token)).toBe(true)
    expect(outages).toEqual([])
    store.state.isDown = true
    expect(await feed.isRevoked(honest)).toBe(false)
    expect(outages).toHaveLength(1)
    clock.advance(65_001)
    await expect(feed.isRevoked(honest)).rejects.toBeInstanceOf(Unavailable)
    store.state.isDown = false
    expect(await feed.isRevoked(token)).toBe(true)
  })

  it('is forgotten with the snapshot when the wall clock was ahead: everything is read again', async () => {
    const { feed, store, clock } = await newBehindFeed()
    await feed.isRevoked(token)
    clock.jumpWall(-minutes)
    const before = store.sinces.length
    const now = clock.now()
    await feed.isRevoked(honest)
    expect(store.sinces[before]).toBe(now - 3720 * 1000)
  })
})

describe('more revocations than a snapshot may hold', () => {
  const limits = { tokens: 10, clientsAndKeys: 3 }
  const tooMany: [string, readonly Revocation[], number][] = [
    ['tokens', tokenIds(11).map(jti => revokeToken(jti, nowSeconds + 3600)), 11],
    ['clients', ['a', 'b', 'c', 'd'].map(id => revokeClientTokens(id, nowSeconds)), 4],
  ]

  it.each(tooMany)('of %s are not held: each decision looks up, and it is told', async (_, all, count) => {
    const told: number[] = []
    const { feed, store } = newFeed({ limits, onTooMany: revocations => told.push(revocations) })
    for (const each of [...all, revocation]) store.revoke(each)
    await feed.start(2000)
    const { read } = store.counts
    for (let decision = 1; decision <= 3; decision++) {
      expect([await feed.isRevoked(token), await feed.isRevoked(honest)]).toEqual([true, false])
      expect(store.counts).toEqual({ read, lookUp: 2 * decision })
    }
    expect(told).toHaveLength(1)
    expect(told[0]).toBeGreaterThanOrEqual(count)
    store.state.isDown = true
    await expect(feed.isRevoked(honest)).rejects.toBeInstanceOf(Unavailable)
  })

  it('end the snapshot when a delta brings them, and nothing of it is allowed again', async () => {
    const told: number[] = []
    const { feed, store, clock } = newFeed({ limits, onTooMany: revocations => told.push(revocations) })
    store.revoke(revocation)
    await feed.start(2000)
    for (const jti of tokenIds(6)) store.revoke(revokeToken(jti, nowSeconds + 3600))
    clock.advance(5001)
    expect([await feed.isRevoked(token), told]).toEqual([true, []])
    clock.advance(40_000)
    expect([await feed.isRevoked(token), told]).toEqual([true, []])
    clock.advance(5001)
    for (const jti of tokenIds(6, 2)) store.revoke(revokeToken(jti, nowSeconds + 3600))
    expect([await feed.isRevoked(token), told]).toEqual([true, [13]])
    expect(await feed.isRevoked(honest)).toBe(false)
    expect(store.counts.lookUp).toBe(2)
  })

  it('are tried again after ten minutes, and fit when enough of them have expired', async () => {
    const { feed, store, clock } = newFeed({ limits })
    for (const jti of tokenIds(11)) store.revoke(revokeToken(jti, nowSeconds + 60))
    store.revoke(revocation)
    await feed.start(2000)
    clock.advance(10 * minutes - 1)
    expect(await feed.isRevoked(token)).toBe(true)
    const { read } = store.counts
    expect(read).toBe(shards)
    clock.advance(1)
    expect(await feed.isRevoked(token)).toBe(true)
    expect(store.counts).toEqual({ read: 2 * shards, lookUp: 2 })
    expect([await feed.isRevoked(token), await feed.isRevoked(honest)]).toEqual([true, false])
    expect(store.counts).toEqual({ read: 2 * shards, lookUp: 2 })
  })
})

describe('many environments', () => {
  it('do not refresh in step: each comes up to a fifth of the interval early, and never late', async () => {
    const ages: number[] = []
    for (const drawn of [0, 0.25, 0.5, 0.999]) {
      const { feed, store, clock } = newFeed({ random: () => drawn })
      await feed.start(2000)
      let age = 0
      for (; store.counts.read === shards; age += 10) {
        await feed.isRevoked(token)
        clock.advance(10)
      }
      ages.push(age - 10)
    }
    expect(ages).toEqual([5010, 4760, 4510, 4010])
  })

  it('leave a store in distress to the look-ups: a failed load rests, twice as long each time', async () => {
    const { feed, store, clock } = newFeed()
    store.state.isPoisoned = true
    await feed.start(2000)
    const attempts: number[] = []
    let elapsed = 0
    for (; elapsed < 200_000; elapsed += 500) {
      const { read } = store.counts
      expect(await feed.isRevoked(token)).toBe(false)
      if (store.counts.read > read) attempts.push(elapsed / 1000)
      clock.advance(500)
    }
    expect(attempts).toEqual([1, 3, 7, 15, 31, 63, 123, 183])
    store.state.isPoisoned = false
    clock.advance(60_000)
    await feed.isRevoked(token)
    const { lookUp } = store.counts
    expect(await feed.isRevoked(token)).toBe(false)
    expect(store.counts.lookUp).toBe(lookUp)
  })

  it('rest for different times, half of it at least', async () => {
    const { feed, store, clock } = newFeed({ random: () => 1 })
    store.state.isPoisoned = true
    await feed.start(2000)
    const { read } = store.counts
    clock.advance(499)
    await feed.isRevoked(token)
    expect(store.counts.read).toBe(read)
    clock.advance(1)
    await feed.isRevoked(token)
    expect(store.counts.read).toBeGreaterThan(read)
  })
})
