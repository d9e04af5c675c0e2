import { describe, expect, it } from 'vitest'
import {
  currentSigningKey,
  isKeyId,
  isTrusted,
  publishedKeys,
  type SigningKey,
  signingCandidates,
} from '../../../lambda/oauth/signing-key.ts'
import { publicationLeadSeconds } from '../../../lambda/oauth/signing-key-times.ts'
import { nowSeconds, publicJwk, signingKey } from './support/token-maker.ts'

const key = (changes: Partial<SigningKey>): SigningKey => ({ ...signingKey, ...changes })

describe('a key identifier', () => {
  it.each(['k', 'key-1', '_-', 'A'.repeat(64), '__proto__'])('may be %s', text => {
    expect(isKeyId(text)).toBe(true)
  })

  it.each([
    '',
    'A'.repeat(65),
    '../../dev/null',
    '/proc/self/environ',
    "' OR 1=1--",
    'a;id',
    '$(id)',
    'a b',
    'a.b',
    'a#b',
    'key-1\n',
    'key\u00001',
    'é',
    '🔑',
  ])('may not be %j: it is part of a look-up (RFC 8725 §3.10)', text => {
    expect(isKeyId(text)).toBe(false)
  })
})

describe('a key', () => {
  it.each(['standby', 'active', 'retiring'] as const)('that is %s is trusted until its end', state => {
    expect(isTrusted(key({ state }), nowSeconds)).toBe(true)
    expect(isTrusted(key({ state, verifyUntil: nowSeconds + 1 }), nowSeconds)).toBe(true)
    expect(isTrusted(key({ state, verifyUntil: nowSeconds }), nowSeconds)).toBe(false)
    expect(isTrusted(key({ state, verifyUntil: 0 }), nowSeconds)).toBe(false)
  })

  it('that is revoked is not trusted, whatever its end', () => {
    expect(isTrusted(key({ state: 'revoked' }), nowSeconds)).toBe(false)
    expect(isTrusted(key({ state: 'revoked', verifyUntil: nowSeconds + 60 }), nowSeconds)).toBe(false)
  })
})

describe('the key that signs', () => {
  it.each<[string, Partial<SigningKey>]>([
    ['standby', { state: 'standby' }],
    ['retiring', { state: 'retiring' }],
    ['revoked', { state: 'revoked' }],
    ['not yet to be used', { signFrom: nowSeconds + 1 }],
    ['past its end', { verifyUntil: nowSeconds }],
  ])('is never one that is %s', (_, changes) => {
    expect(currentSigningKey([key(changes)], nowSeconds)).toBeUndefined()
  })

  it('may sign from its first second on', () => {
    const first = key({ signFrom: nowSeconds })
    expect(currentSigningKey([first], nowSeconds)).toBe(first)
  })

  it('is the same for everybody when two started together', () => {
    const [a, b] = [key({ kid: 'a' }), key({ kid: 'b' })]
    expect(currentSigningKey([a, b], nowSeconds)).toBe(a)
    expect(currentSigningKey([b, a], nowSeconds)).toBe(a)
  })

  it('is none in an empty ring', () => {
    expect(currentSigningKey([], nowSeconds)).toBeUndefined()
  })
})

describe('the keys to sign with', () => {
  const published = nowSeconds - publicationLeadSeconds
  const standby = (changes: Partial<SigningKey>) =>
    key({ state: 'standby', signFrom: undefined, createdAt: published, ...changes })

  it('are the one that signs, then those that wait and that every verifier knows', () => {
    const first = key({ kid: 'a' })
    const later = standby({ kid: 'b' })
    const earlier = standby({ kid: 'c', createdAt: published - 1 })
    const unknown = standby({ kid: 'd', createdAt: published + 1 })
    expect(signingCandidates([later, unknown, first, earlier], nowSeconds)).toEqual([first, earlier, later])
  })

  it('are none where none has been chosen', () => {
    expect(signingCandidates([standby({})], nowSeconds)).toEqual([])
  })
})

describe('the JWKS', () => {
  it('shows public parts alone, each with its kid, alg and use (RFC 7517 §4)', () => {
    const published = publishedKeys([key({ state: 'standby' })], nowSeconds)
    expect(published).toEqual([publicJwk])
    expect(Object.keys(published[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })

  it('leaves the ring as it was', () => {
    const ring = Object.freeze([key({ kid: 'b' }), key({ kid: 'a', signFrom: 5 })])
    publishedKeys(ring, nowSeconds)
    currentSigningKey(ring, nowSeconds)
    expect(ring.map(({ kid }) => kid)).toEqual(['b', 'a'])
  })
})
