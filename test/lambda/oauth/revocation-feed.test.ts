import { describe, expect, it, vi } from 'vitest'
import { revokeClientTokens, revokeToken } from '../../../lambda/oauth/revocation.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { newFeed, shards } from './support/fake-revocations.ts'
import { clientId, nowSeconds } from './support/token-maker.ts'

const token = { jti: 'token-1', clientId, kid: 'key-1', iat: nowSeconds }
const revocation = revokeToken('token-1', nowSeconds + 600)

describe('with a delay above 0', () => {
  it('decides from memory, without a call, while the snapshot is young enough', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    expect(store.counts).toEqual({ read: shards, lookUp: 0 })
    for (let second = 0; second <= 5; second++) {
      expect(await feed.isRevoked(token)).toBe(false)
      if (second < 5) clock.advance(1000)
    }
    expect(store.counts).toEqual({ read: shards, lookUp: 0 })
  })

  it('refuses within the delay after a revocation, by one query a shard', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    store.revoke(revocation)
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(true)
    expect(store.counts).toEqual({ read: 2 * shards, lookUp: 0 })
  })

  it('reads deltas that reach back half a minute before the last reading', async () => {
    const { feed, store, clock } = newFeed()
    const startedAt = clock.now()
    await feed.start(2000)
    clock.advance(5001)
    await feed.isRevoked(token)
    expect(new Set(store.sinces.slice(shards))).toEqual(new Set([startedAt - 30_000]))
  })

  it('finds a revocation whose stamp is older than the last reading', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    store.revoke(revocation, clock.now() - 12_000)
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(true)
  })

  it('asks once for however many decisions are waiting', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    clock.advance(5001)
    await Promise.all(Array.from({ length: 10 }, () => feed.isRevoked(token)))
    expect(store.counts.read).toBe(2 * shards)
  })

  it.each([
    ['the wall clock jumps back', { wall: -3_600_000, both: 5001 }],
    ['the environment was frozen', { wall: 5001, both: 0 }],
  ])('reads again when %s', async (_, { wall, both }) => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    store.revoke(revocation)
    clock.advance(both)
    clock.jumpWall(wall)
    expect(await feed.isRevoked(token)).toBe(true)
  })

  it('never lets a token in again that it has refused, even when the store forgets', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    store.revoke(revocation)
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(true)
    store.forget()
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(true)
  })

  it.each([
    ['empty', []],
    ['one with an older record of the token', [{ ...revocation, expiresAt: nowSeconds + 1 }]],
    ['one with other records alone', [revokeToken('other', nowSeconds + 600)]],
  ])('never lets a token in again for a page that is %s, however often it comes', async (_, revocations) => {
    const { feed, store, clock } = newFeed()
    store.revoke(revocation)
    await feed.start(2000)
    vi.spyOn(store, 'read').mockResolvedValue({ revocations, next: undefined })
    for (let refresh = 0; refresh < 100; refresh++) {
      clock.advance(5001)
      expect(await feed.isRevoked(token)).toBe(true)
      expect(await feed.isRevoked({ ...token, jti: 'honest' })).toBe(false)
    }
    expect(store.counts.lookUp).toBe(0)
  })

  it('refuses what a client had up to its moment and nothing later', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    store.revoke(revokeClientTokens(clientId, nowSeconds + 6))
    clock.advance(5001)
    expect(await feed.isRevoked({ ...token, iat: nowSeconds + 6 })).toBe(true)
    expect(await feed.isRevoked({ ...token, iat: nowSeconds + 7 })).toBe(false)
    expect(await feed.isRevoked({ ...token, clientId: 'other' })).toBe(false)
  })
})

describe('while the store cannot be read', () => {
  it('serves the last snapshot for the grace, tells of it, and then knows nothing', async () => {
    const { feed, store, clock, outages } = newFeed()
    await feed.start(2000)
    store.state.isDown = true
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(false)
    expect(outages).toEqual([5.001])
    clock.advance(59_999)
    expect(await feed.isRevoked(token)).toBe(false)
    clock.advance(1)
    const unknown = feed.isRevoked(token)
    await expect(unknown).rejects.toBeInstanceOf(Unavailable)
    await expect(unknown).rejects.toMatchObject({ dependency: 'store' })
    store.state.isDown = false
    clock.advance(1000)
    expect(await feed.isRevoked(token)).toBe(false)
  })

  it('tries once a second, not with every request', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    store.state.isDown = true
    clock.advance(5001)
    for (let request = 0; request < 10; request++) {
      await feed.isRevoked(token)
      clock.advance(99)
    }
    expect(store.counts.read).toBe(2 * shards)
    clock.advance(9)
    await feed.isRevoked(token)
    expect(store.counts.read).toBe(2 * shards)
    clock.advance(1)
    await feed.isRevoked(token)
    expect(store.counts.read).toBe(3 * shards)
  })

  it('keeps the old snapshot whole when a page of the new one cannot be trusted', async () => {
    const { feed, store, clock } = newFeed()
    store.revoke(revocation)
    await feed.start(2000)
    store.state.isPoisoned = true
    store.revoke(revokeToken('other', nowSeconds + 600))
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(true)
    expect(await feed.isRevoked({ ...token, jti: 'other' })).toBe(false)
  })
})

describe('until the snapshot is whole', () => {
  it('looks up each decision, and loads a page a shard along with it', async () => {
    const { feed, store, clock } = newFeed()
    store.state.isDown = true
    await feed.start(2000)
    store.state.isDown = false
    store.state.pageSize = 5
    clock.advance(1000)
    for (let index = 0; index < 20; index++) store.revoke(revokeToken(`other-${index}`, nowSeconds + 600))
    store.revoke(revocation)
    let decisions = 0
    for (; store.counts.lookUp === decisions; decisions++) expect(await feed.isRevoked(token)).toBe(true)
    expect(decisions).toBeGreaterThan(1)
    const { read } = store.counts
    expect(await feed.isRevoked({ ...token, jti: 'other-19' })).toBe(true)
    expect(store.counts.read).toBe(read)
  })

  it('reads all that can concern a live token: an hour and two minutes', async () => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    expect(new Set(store.sinces)).toEqual(new Set([clock.now() - 3_720_000]))
  })

  it('never decides from the part that it has', async () => {
    const { feed, store, clock } = newFeed()
    store.state.pageSize = 1
    for (const jti of ['a', 'b', 'c', 'd', 'e', 'f', 'token-1'])
      store.revoke(revokeToken(jti, nowSeconds + 600))
    const { read } = store
    store.read = async (...page) => {
      clock.advance(1)
      return read(...page)
    }
    await feed.start(0)
    const decisions: [isRevoked: boolean, reads: number, lookUps: number][] = []
    for (let decision = 0; decision < 3; decision++)
      decisions.push([await feed.isRevoked(token), store.counts.read, store.counts.lookUp])
    expect(decisions).toEqual([
      [true, 2, 1],
      [true, 4, 2],
      [true, 6, 3],
    ])
  })

  it('knows nothing when the look-up fails', async () => {
    const { feed, store } = newFeed()
    store.state.isDown = true
    await feed.start(2000)
    await expect(feed.isRevoked(token)).rejects.toBeInstanceOf(Unavailable)
  })
})

describe('with a delay of 0', () => {
  it('looks up each decision, has no snapshot and no grace', async () => {
    const { feed, store } = newFeed({ refreshSeconds: 0, outageGraceSeconds: 0 })
    await feed.start(2000)
    expect(await feed.isRevoked(token)).toBe(false)
    store.revoke(revocation)
    expect(await feed.isRevoked(token)).toBe(true)
    expect(store.counts).toEqual({ read: 0, lookUp: 2 })
    store.state.isDown = true
    await expect(feed.isRevoked(token)).rejects.toBeInstanceOf(Unavailable)
  })
})
