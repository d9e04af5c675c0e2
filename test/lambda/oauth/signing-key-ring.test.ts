import { describe, expect, it } from 'vitest'
import { currentSigningKey, publishedKeys, type SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../../lambda/oauth/signing-key-ring.ts'
import { signingRingLimitSeconds } from '../../../lambda/oauth/signing-key-times.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { virtualClock } from './support/fake-revocations.ts'
import { nowSeconds, signingKey } from './support/token-maker.ts'

const other: SigningKey = { ...signingKey, kid: 'key-2', signFrom: 10 }

function newRing(keys: readonly SigningKey[] = [signingKey]) {
  const clock = virtualClock()
  const store = { keys, reads: 0, isDown: false }
  const ring = new SigningKeyRing(async () => {
    store.reads++
    if (store.isDown) throw new Unavailable('store')
    return store.keys
  }, clock)
  return { clock, store, ring }
}

describe('the ring', () => {
  it('is read once in five minutes', async () => {
    const { ring, store, clock } = newRing()
    for (let second = 0; second < 300; second += 10) {
      expect(await ring.findOrRead('key-1')).toBe(signingKey)
      clock.advance(10_000)
    }
    expect(store.reads).toBe(1)
    await ring.refresh()
    expect(store.reads).toBe(2)
  })

  it('is read at most once in ten seconds for keys that it does not have', async () => {
    const { ring, store, clock } = newRing()
    await ring.refresh()
    for (let attempt = 0; attempt < 500; attempt++)
      expect(await ring.findOrRead(`kid-${attempt}`)).toBeUndefined()
    expect(store.reads).toBe(1)
    clock.advance(10_000)
    store.keys = [signingKey, other]
    expect(await ring.findOrRead('key-2')).toBe(other)
    expect(store.reads).toBe(2)
  })

  it('serves the last good copy while it cannot be read, and forgets no key for an empty answer', async () => {
    const { ring, store, clock } = newRing()
    await ring.refresh()
    store.isDown = true
    clock.advance(3_600_000)
    expect(await ring.findOrRead('key-1')).toBe(signingKey)
    store.isDown = false
    store.keys = []
    clock.advance(3_600_000)
    expect(await ring.findOrRead('key-1')).toBe(signingKey)
  })

  it('is unavailable when it was never read', async () => {
    const { ring, store } = newRing()
    store.isDown = true
    await expect(ring.findOrRead('key-1')).rejects.toBeInstanceOf(Unavailable)
    await expect(ring.signingKeys(nowSeconds)).rejects.toBeInstanceOf(Unavailable)
  })

  it('signs with nothing when it was read minutes ago, and goes on verifying', async () => {
    const { ring, store, clock } = newRing()
    expect(await ring.signingKeys(nowSeconds)).toEqual([signingKey])
    store.isDown = true
    clock.advance(signingRingLimitSeconds * 1000)
    expect(await ring.signingKeys(nowSeconds)).toEqual([signingKey])
    clock.advance(1)
    await expect(ring.signingKeys(nowSeconds)).rejects.toBeInstanceOf(Unavailable)
    expect(await ring.findOrRead('key-1')).toBe(signingKey)
  })

  it('holds a key to its own end, not only to its absence', async () => {
    const { ring, clock } = newRing([{ ...signingKey, verifyUntil: nowSeconds + 60 }])
    expect(await ring.findOrRead('key-1')).toMatchObject({ kid: 'key-1' })
    clock.advance(60_000)
    expect(await ring.findOrRead('key-1')).toBeUndefined()
    expect(ring.find('key-1')).toBeUndefined()
  })
})

describe('of several keys', () => {
  const standby: SigningKey = { ...signingKey, kid: 'key-3', state: 'standby' }
  const future: SigningKey = { ...signingKey, kid: 'key-4', signFrom: nowSeconds + 1 }
  const revoked: SigningKey = { ...signingKey, kid: 'key-5', state: 'revoked', signFrom: 99 }
  const ring = [signingKey, revoked, future, other, standby]

  it('the active one that started last signs, whatever the order', () => {
    expect(currentSigningKey(ring, nowSeconds)).toBe(other)
    expect(currentSigningKey([...ring].reverse(), nowSeconds)).toBe(other)
    expect(currentSigningKey([standby, revoked, future], nowSeconds)).toBeUndefined()
  })

  it('all that are trusted are published, the revoked one is not (RFC 7517 §5)', () => {
    expect(publishedKeys(ring, nowSeconds)).toHaveLength(4)
    expect(publishedKeys([revoked, { ...signingKey, verifyUntil: nowSeconds }], nowSeconds)).toEqual([])
  })
})
