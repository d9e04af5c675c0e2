import { describe, expect, it } from 'vitest'
import type { Revocation } from '../../../lambda/oauth/revocation.ts'
import { RevocationSnapshot } from '../../../lambda/oauth/revocation-snapshot.ts'
import { nowSeconds } from './support/token-maker.ts'

const token = { jti: 'j', clientId: 'c', kid: 'k', iat: nowSeconds }
const expiresAt = nowSeconds + 60

function snapshotOf(...revocations: readonly Revocation[]) {
  const snapshot = new RevocationSnapshot()
  for (const revocation of revocations) snapshot.add(revocation)
  return snapshot
}

describe('the snapshot', () => {
  it('without a record revokes nothing', () => {
    expect(snapshotOf().isRevoked(token, nowSeconds)).toBe(false)
  })

  it.each<[string, Revocation, object]>([
    ['a token', { kind: 'jti', jti: 'j', expiresAt }, { jti: 'other' }],
    ['a key', { kind: 'kid', kid: 'k', expiresAt }, { kid: 'other' }],
    [
      'a client',
      { kind: 'client', clientId: 'c', revokedUpTo: nowSeconds, expiresAt },
      { clientId: 'other' },
    ],
    [
      'a client up to a moment',
      { kind: 'client', clientId: 'c', revokedUpTo: nowSeconds, expiresAt },
      { iat: nowSeconds + 1 },
    ],
    [
      'everything up to a moment',
      { kind: 'all', revokedUpTo: nowSeconds, expiresAt },
      { iat: nowSeconds + 1 },
    ],
  ])('revokes %s, no other, and only until the record expires', (_, revocation, other) => {
    const snapshot = snapshotOf(revocation)
    expect(snapshot.isRevoked(token, nowSeconds)).toBe(true)
    expect(snapshot.isRevoked({ ...token, ...other }, nowSeconds)).toBe(false)
    expect(snapshot.isRevoked(token, expiresAt - 1)).toBe(true)
    expect(snapshot.isRevoked(token, expiresAt)).toBe(false)
  })

  it('keeps subjects of different kinds apart', () => {
    const snapshot = snapshotOf({ kind: 'jti', jti: 'c', expiresAt }, { kind: 'kid', kid: 'j', expiresAt })
    expect(snapshot.isRevoked(token, nowSeconds)).toBe(false)
  })

  it.each(['client', 'all'] as const)('never lowers the moment of %s, in whatever order it is told', kind => {
    const upTo = (revokedUpTo: number): Revocation => ({
      kind,
      clientId: 'c',
      revokedUpTo,
      expiresAt: revokedUpTo + 100,
    })
    for (const moments of [
      [nowSeconds, nowSeconds - 50],
      [nowSeconds - 50, nowSeconds],
    ]) {
      const snapshot = snapshotOf(...moments.map(upTo))
      expect(snapshot.isRevoked(token, nowSeconds)).toBe(true)
      expect(snapshot.isRevoked(token, nowSeconds + 99)).toBe(true)
    }
  })

  it.each<[string, (end: number) => Revocation]>([
    ['token', end => ({ kind: 'jti', jti: 'j', expiresAt: end })],
    ['key', end => ({ kind: 'kid', kid: 'k', expiresAt: end })],
  ])('never shortens the revocation of a %s', (_, revocation) => {
    const snapshot = snapshotOf(revocation(expiresAt), revocation(nowSeconds - 1))
    expect(snapshot.isRevoked(token, nowSeconds)).toBe(true)
  })

  it('forgets what has expired and nothing else', () => {
    const snapshot = snapshotOf(
      { kind: 'jti', jti: 'old', expiresAt },
      { kind: 'jti', jti: 'j', expiresAt: expiresAt + 1 },
      { kind: 'kid', kid: 'old', expiresAt },
      { kind: 'kid', kid: 'k', expiresAt: expiresAt + 1 },
      { kind: 'client', clientId: 'old', revokedUpTo: nowSeconds, expiresAt },
      { kind: 'client', clientId: 'c', revokedUpTo: nowSeconds, expiresAt: expiresAt + 1 },
      { kind: 'all', revokedUpTo: 1, expiresAt },
    )
    expect(snapshot.size).toBe(6)
    snapshot.prune(expiresAt)
    expect(snapshot.size).toBe(3)
    for (const other of [
      { jti: 'x', kid: 'x' },
      { jti: 'x', clientId: 'x' },
      { kid: 'x', clientId: 'x' },
    ])
      expect(snapshot.isRevoked({ ...token, ...other }, expiresAt)).toBe(true)
  })

  it('makes a pass over everything once a minute at most, and what has expired revokes nothing in between', () => {
    const snapshot = snapshotOf({ kind: 'jti', jti: 'j', expiresAt })
    snapshot.prune(nowSeconds)
    snapshot.prune(nowSeconds + 59)
    snapshot.add({ kind: 'jti', jti: 'old', expiresAt: nowSeconds + 1 })
    snapshot.prune(nowSeconds + 59)
    expect(snapshot.size).toBe(2)
    expect(snapshot.isRevoked({ ...token, jti: 'old' }, nowSeconds + 1)).toBe(false)
    snapshot.prune(expiresAt)
    expect(snapshot.size).toBe(0)
  })

  it('makes room at once when there is too much', () => {
    const snapshot = new RevocationSnapshot({ tokens: 1, clientsAndKeys: 1 })
    snapshot.prune(nowSeconds)
    snapshot.add({ kind: 'jti', jti: 'j', expiresAt })
    snapshot.add({ kind: 'kid', kid: 'k', expiresAt })
    expect(snapshot.isTooLarge).toBe(false)
    snapshot.add({ kind: 'jti', jti: 'old', expiresAt: nowSeconds + 1 })
    expect(snapshot.isTooLarge).toBe(true)
    snapshot.prune(nowSeconds + 1)
    expect([snapshot.isTooLarge, snapshot.size]).toEqual([false, 2])
    snapshot.add({ kind: 'client', clientId: 'c', revokedUpTo: nowSeconds, expiresAt })
    expect(snapshot.isTooLarge).toBe(true)
  })

  it.each<[string, Revocation, Revocation]>([
    ['token', { kind: 'jti', jti: 'j', expiresAt }, { kind: 'jti', jti: 'j', expiresAt: nowSeconds }],
    ['key', { kind: 'kid', kid: 'k', expiresAt }, { kind: 'kid', kid: 'k', expiresAt: nowSeconds }],
    [
      'client',
      { kind: 'client', clientId: 'c', revokedUpTo: nowSeconds, expiresAt },
      { kind: 'client', clientId: 'c', revokedUpTo: nowSeconds - 1, expiresAt: nowSeconds },
    ],
    [
      'moment of all',
      { kind: 'all', revokedUpTo: nowSeconds, expiresAt },
      { kind: 'all', revokedUpTo: nowSeconds - 1, expiresAt: nowSeconds },
    ],
  ])('takes over the %s of another snapshot, and lowers none of its own', (_, high, low) => {
    for (const [one, other] of [[high], [low], []].flatMap(mine => [
      [mine, [high]],
      [[high], mine],
    ])) {
      const snapshot = snapshotOf(...(one ?? []))
      snapshot.addAll(snapshotOf(...(other ?? [])))
      expect(snapshot.isRevoked(token, expiresAt - 1)).toBe(true)
      expect(snapshot.isRevoked(token, expiresAt)).toBe(false)
    }
  })
})
