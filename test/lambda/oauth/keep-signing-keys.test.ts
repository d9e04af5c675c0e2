import { describe, expect, it } from 'vitest'
import { nextRingStep, type RingPolicy, replacementStep } from '../../../lambda/oauth/keep-signing-keys.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { publicationLeadSeconds, retirementSeconds } from '../../../lambda/oauth/signing-key-times.ts'
import { nowSeconds, signingKey } from './support/token-maker.ts'

const policy: RingPolicy = { algorithm: 'ES256', custody: 'kms', rotationSeconds: 90 * 86_400 }
const longAgo = nowSeconds - policy.rotationSeconds / 2

const active = (changes: Partial<SigningKey> = {}): SigningKey => ({
  ...signingKey,
  kid: 'active',
  createdAt: longAgo,
  signFrom: longAgo,
  ...changes,
})
const standby = (changes: Partial<SigningKey> = {}): SigningKey =>
  active({ kid: 'standby', state: 'standby', signFrom: undefined, ...changes })
const next = (ring: readonly SigningKey[], now = nowSeconds, unusable: readonly string[] = []) =>
  nextRingStep(ring, policy, now, new Set(unusable))

describe('a ring', () => {
  it('that is empty gets a key that signs at once: nobody has a JWKS without it', () => {
    expect(next([])).toEqual({ kind: 'create', state: 'active' })
  })

  it('always has a standby key', () => {
    expect(next([active()])).toEqual({ kind: 'create', state: 'standby' })
  })

  it('with a key that signs and one that waits needs nothing', () => {
    expect(next([standby(), active()])).toBeUndefined()
  })

  it('whose only usable key waits lets it sign: no token at all is worse than a new key', () => {
    const key = standby({ createdAt: nowSeconds })
    expect(next([key, active({ state: 'revoked', verifyUntil: nowSeconds + 9 })])).toEqual({
      kind: 'activate',
      key,
      signFrom: nowSeconds,
    })
  })
})

describe('a rotation', () => {
  const due = longAgo + policy.rotationSeconds

  it('is due when the key has signed for its time, and not a second before', () => {
    const key = standby()
    expect(next([active(), key], due - 1)).toBeUndefined()
    expect(next([active(), key], due)).toEqual({ kind: 'activate', key, signFrom: due })
  })

  it('waits until every verifier has had the time to learn of the next key', () => {
    const key = standby({ createdAt: due - publicationLeadSeconds + 1 })
    expect(next([active(), key], due)).toBeUndefined()
    expect(next([active(), key], due + 1)).toMatchObject({ kind: 'activate' })
  })

  it('takes the standby key that was published first', () => {
    const [later, earlier] = [standby({ kid: 'a' }), standby({ kid: 'b', createdAt: longAgo - 1 })]
    expect(next([active(), later, earlier], due)).toMatchObject({ key: earlier })
  })

  it('retires the former key, whose last token expires after the next one began to sign', () => {
    const current = active({ kid: 'new', signFrom: nowSeconds - 7 })
    expect(next([active(), current])).toEqual({
      kind: 'retire',
      key: active(),
      verifyUntil: nowSeconds - 7 + retirementSeconds,
    })
  })

  it('begins after the former key did, though this keeper’s clock is behind the one that began it', () => {
    const early = nextRingStep(
      [active({ signFrom: nowSeconds }), standby()],
      { ...policy, algorithm: 'ES256', rotationSeconds: 0 },
      nowSeconds,
    )
    expect(early).toMatchObject({ kind: 'activate', signFrom: nowSeconds + 1 })
  })

  it('retires no key for one that begins later: another keeper has the faster clock', () => {
    const ahead = active({ kid: 'new', signFrom: nowSeconds + 5 })
    expect(next([active(), ahead, standby()])).toBeUndefined()
  })

  it('is due at once after a change of the algorithm or the custody, once a key of the new kind is known', () => {
    const wanted = { ...policy, algorithm: 'EdDSA', custody: 'envelope' } as const
    expect(nextRingStep([active(), standby()], wanted, nowSeconds)).toEqual({
      kind: 'create',
      state: 'standby',
    })
    const wrapped = { algorithm: 'EdDSA', wrappedPrivateKey: new Uint8Array([1]) } as const
    const key = standby({ kid: 'new', ...wrapped })
    const young = { ...key, createdAt: nowSeconds }
    expect(nextRingStep([active(), standby(), young], wanted, nowSeconds)).toEqual({
      kind: 'retire',
      key: standby(),
      verifyUntil: nowSeconds + retirementSeconds,
    })
    expect(nextRingStep([active(), young], wanted, nowSeconds)).toBeUndefined()
    expect(nextRingStep([active(), key], wanted, nowSeconds)).toMatchObject({ kind: 'activate', key })
  })
})

describe('a key that KMS does not use', () => {
  it('is replaced by the standby key at once', () => {
    const key = standby()
    expect(next([active(), key], nowSeconds, ['active'])).toEqual({
      kind: 'activate',
      key,
      signFrom: nowSeconds,
    })
  })

  it('is not replaced by a key that verifiers may not know, nor by one that KMS does not use either', () => {
    const young = standby({ createdAt: nowSeconds })
    expect(next([active(), young], nowSeconds, ['active'])).toBeUndefined()
    expect(next([active(), standby()], nowSeconds, ['active', 'standby'])).toEqual({
      kind: 'create',
      state: 'standby',
    })
  })

  it('and only waits is retired once there is another: it may have signed in an emergency', () => {
    const ring = [active(), standby(), standby({ kid: 'good' })]
    expect(next(ring, nowSeconds, ['standby'])).toEqual({
      kind: 'retire',
      key: standby(),
      verifyUntil: nowSeconds + retirementSeconds,
    })
  })
})

describe('a retired or revoked key', () => {
  it.each(['retiring', 'revoked'] as const)('is removed when its end has come: %s', state => {
    const key = active({ kid: 'old', state, verifyUntil: nowSeconds })
    expect(next([key, active(), standby()], nowSeconds - 1)).toBeUndefined()
    expect(next([key, active(), standby()])).toEqual({ kind: 'remove', key })
  })
})

describe('the replacement of a key that is revoked', () => {
  it('is needed where it is the one that signs, and is the standby key, however young', () => {
    const key = standby({ createdAt: nowSeconds })
    expect(replacementStep([active(), key], active(), nowSeconds)).toEqual({
      kind: 'activate',
      key,
      signFrom: nowSeconds,
    })
  })

  it('is not needed where another key signs, and not to be had where there is none', () => {
    expect(replacementStep([active(), standby()], standby(), nowSeconds)).toBeUndefined()
    expect(replacementStep([active()], active(), nowSeconds)).toBeUndefined()
  })
})
