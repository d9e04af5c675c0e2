import { describe, expect, it } from 'vitest'
import {
  type Revocation,
  revocationSubject,
  revokeClientTokens,
  revokes,
  revokeToken,
  shardOf,
  subjectsOf,
} from '../../../lambda/oauth/revocation.ts'
import { nextRevocationMoment } from '../../../lambda/oauth/revocation-moment.ts'
import { nowSeconds } from './support/token-maker.ts'

const token = { jti: 'j', clientId: 'c', kid: 'k', iat: nowSeconds }

describe('a revocation', () => {
  it('lies in a shard that never changes: another one would lose every record made before', () => {
    expect(['jti#a', 'client#a', 'kid#a', 'all', ''].map(subject => shardOf(subject, 4))).toEqual([
      '2',
      '2',
      '3',
      '0',
      '1',
    ])
  })

  it('is spread evenly over the shards', () => {
    const counts = [0, 0, 0, 0]
    for (let index = 0; index < 40_000; index++) {
      const shard = Number(shardOf(`jti#${index.toString(36)}`, 4))
      counts[shard] = (counts[shard] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  it.each<[Revocation, string]>([
    [revokeToken('j', nowSeconds), 'jti#j'],
    [revokeClientTokens('c', nowSeconds), 'client#c'],
    [{ kind: 'kid', kid: 'k', expiresAt: nowSeconds }, 'kid#k'],
    [{ kind: 'all', revokedUpTo: nowSeconds, expiresAt: nowSeconds }, 'all'],
  ])('is stored under one of the subjects that it is looked for under: %j', (revocation, subject) => {
    expect(revocationSubject(revocation)).toBe(subject)
    expect(subjectsOf(token)).toContain(subject)
  })

  it('is found under any of the four subjects that concern a token', () => {
    expect(subjectsOf(token)).toEqual(['jti#j', 'client#c', 'kid#k', 'all'])
  })

  it('holds until it expires, whether or not the store has deleted it by then', () => {
    const revocation = revokeToken('j', nowSeconds + 600)
    expect(revocation.expiresAt).toBe(nowSeconds + 600 + 80)
    expect(revokes(revocation, token, nowSeconds + 679)).toBe(true)
    expect(revokes(revocation, token, nowSeconds + 680)).toBe(false)
  })

  it('of a client, or of all, concerns what was issued up to the moment', () => {
    const client = revokeClientTokens('c', nowSeconds)
    const all = { kind: 'all', revokedUpTo: nowSeconds, expiresAt: nowSeconds + 60 } as const
    for (const revocation of [client, all]) {
      expect(revokes(revocation, token, nowSeconds)).toBe(true)
      expect(revokes(revocation, { ...token, iat: nowSeconds + 1 }, nowSeconds)).toBe(false)
    }
    expect(revokes(client, { ...token, clientId: 'other' }, nowSeconds)).toBe(false)
    expect(revokes({ kind: 'kid', kid: 'k', expiresAt: nowSeconds + 1 }, token, nowSeconds)).toBe(true)
  })

  it('of a token or a key concerns no other', () => {
    expect(revokes(revokeToken('other', nowSeconds), token, nowSeconds)).toBe(false)
    expect(revokes({ kind: 'kid', kid: 'other', expiresAt: nowSeconds + 1 }, token, nowSeconds)).toBe(false)
  })
})

describe('a client’s moment', () => {
  it('is now, rounded up, and five seconds', () => {
    expect(nextRevocationMoment(100_000, 0)).toBe(105)
    expect(nextRevocationMoment(100_001, 0)).toBe(106)
  })

  it('is always later than the one before, since tokens have started after that', () => {
    expect(nextRevocationMoment(100_001, 106)).toBe(107)
    expect(nextRevocationMoment(200_000, 106)).toBe(205)
    expect(nextRevocationMoment(100_000, 500)).toBe(501)
  })
})
