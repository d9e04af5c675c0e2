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
})
