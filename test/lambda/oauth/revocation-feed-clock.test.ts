import { describe, expect, it } from 'vitest'
import { revokeToken } from '../../../lambda/oauth/revocation.ts'
import { newFeed } from './support/fake-revocations.ts'
import { clientId, nowSeconds } from './support/token-maker.ts'

const token = { jti: 'token-1', clientId, kid: 'key-1', iat: nowSeconds }
const revocation = revokeToken('token-1', nowSeconds + 600)

describe('a wall clock that was ahead and is put right', () => {
  it('finds within the delay what was revoked by a clock that was right all along', async () => {
    const { feed, store, clock } = newFeed()
    const trueStart = clock.now()
    clock.jumpWall(60_000)
    await feed.start(2000)
    store.revoke(revocation, trueStart + 1000)
    clock.jumpWall(-60_000)
    clock.advance(5001)
    expect(await feed.isRevoked(token)).toBe(true)
  })

  it('is not allowed for good after 40 idle seconds', async () => {
    const { feed, store, clock } = newFeed()
    const trueStart = clock.now()
    clock.jumpWall(75_000)
    await feed.start(2000)
    store.revoke(revocation, trueStart + 1000)
    clock.jumpWall(-75_000)
    clock.advance(40_000)
    const seen: boolean[] = []
    for (let i = 0; i < 20; i++) {
      seen.push(await feed.isRevoked(token))
      clock.advance(5001)
    }
    expect(seen).not.toContain(false)
  })

  it.each([
    [10_000, 0],
    [10_001, 1],
  ])('by %i ms: the snapshot is trusted up to ten seconds', async (milliseconds, lookUps) => {
    const { feed, store, clock } = newFeed()
    await feed.start(2000)
    clock.jumpWall(-milliseconds)
    expect(await feed.isRevoked(token)).toBe(false)
    expect(store.counts.lookUp).toBe(lookUps)
  })

  it('never lets a token in again that it has refused', async () => {
    const { feed, store, clock } = newFeed()
    store.revoke(revocation, clock.now() - 60_000)
    await feed.start(2000)
    expect(await feed.isRevoked(token)).toBe(true)
    clock.jumpWall(7_200_000)
    await feed.isRevoked({ ...token, jti: 'any' })
    clock.jumpWall(-7_200_000)
    const seen: boolean[] = []
    for (let i = 0; i < 20; i++) {
      seen.push(await feed.isRevoked(token))
      clock.advance(5001)
    }
    expect(seen).not.toContain(false)
  })
})
