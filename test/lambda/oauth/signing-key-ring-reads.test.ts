import { describe, expect, it, vi } from 'vitest'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../../lambda/oauth/signing-key-ring.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { virtualClock } from './support/fake-revocations.ts'
import { nowSeconds, signingKey } from './support/token-maker.ts'

function newRing(keys: readonly SigningKey[] = [signingKey]) {
  const clock = virtualClock()
  const store = { keys, reads: 0, isDown: false }
  const read = async () => {
    store.reads++
    if (store.isDown) throw new Unavailable('store')
    return store.keys
  }
  return { clock, store, ring: new SigningKeyRing(read, clock) }
}

describe('reading the ring', () => {
  it('happens once for however many ask together', async () => {
    const { ring, store } = newRing()
    await Promise.all(Array.from({ length: 50 }, (_, index) => ring.findOrRead(`kid-${index % 5}`)))
    await Promise.all([ring.signingKeys(nowSeconds), ring.all(), ring.refresh()])
    expect(store.reads).toBe(1)
  })

  it('happens at most once in ten seconds for unknown keys, also while it fails', async () => {
    const { ring, store, clock } = newRing()
    await ring.refresh()
    store.isDown = true
    for (let second = 1; second <= 60; second++) {
      clock.advance(1000)
      await ring.findOrRead(`kid-${second}`).catch(() => {})
    }
    expect(store.reads).toBe(7)
  })

  it('happens for every unknown key where those who ask have authenticated, after they asked', async () => {
    const made: SigningKey = { ...signingKey, kid: 'key-2' }
    const answers: ((keys: readonly SigningKey[]) => void)[] = []
    const read = () => new Promise<readonly SigningKey[]>(resolve => answers.push(resolve))
    const ring = new SigningKeyRing(read, virtualClock(), { unknownKeySeconds: 0 })
    // This one has begun before the key was there.
    const first = ring.findOrRead('key-1')
    const second = ring.findOrRead('key-2')
    await vi.waitFor(() => expect(answers).toHaveLength(1))
    answers[0]?.([signingKey])
    await vi.waitFor(() => expect(answers).toHaveLength(2))
    answers[1]?.([signingKey, made])
    expect(await Promise.all([first, second])).toEqual([signingKey, made])
    const third = ring.findOrRead('key-3')
    await vi.waitFor(() => expect(answers).toHaveLength(3))
    answers[2]?.([signingKey, made])
    expect(await third).toBe(undefined)
  })

  it('that fails leaves it open whether an unknown key is one of ours, until a reading succeeds', async () => {
    const { ring, store, clock } = newRing()
    await ring.refresh()
    expect(await ring.findOrRead('key-2')).toBeUndefined()
    store.isDown = true
    clock.advance(10_000)
    await expect(ring.findOrRead('key-2')).rejects.toBeInstanceOf(Unavailable)
    await expect(ring.findOrRead('key-3')).rejects.toBeInstanceOf(Unavailable)
    expect(await ring.findOrRead('key-1')).toBe(signingKey)
    store.isDown = false
    clock.advance(10_000)
    expect(await ring.findOrRead('key-2')).toBeUndefined()
  })

  it('does not happen for a key that is known and no longer trusted', async () => {
    const revoked: SigningKey = { ...signingKey, kid: 'key-2', state: 'revoked' }
    const { ring, store, clock } = newRing([signingKey, revoked])
    await ring.refresh()
    clock.advance(60_000)
    expect(await ring.findOrRead('key-2')).toBeUndefined()
    expect(store.reads).toBe(1)
  })

  it('is tried once a second when the ring is old and cannot be read', async () => {
    const { ring, store, clock } = newRing()
    await ring.refresh()
    store.isDown = true
    clock.advance(300_000)
    for (let tenth = 0; tenth < 20; tenth++) {
      expect(await ring.findOrRead('key-1')).toBe(signingKey)
      clock.advance(100)
    }
    expect(store.reads).toBe(3)
  })

  it('forgets a key that is no longer in it', async () => {
    const { ring, store, clock } = newRing()
    await ring.refresh()
    store.keys = [{ ...signingKey, kid: 'key-2' }]
    clock.advance(300_000)
    expect(await ring.findOrRead('key-1')).toBeUndefined()
    expect(await ring.findOrRead('key-2')).toMatchObject({ kid: 'key-2' })
  })

  it.each([
    ['the environment was frozen', 0, 300_000],
    ['the wall clock jumps back', 300_000, -3_600_000],
  ])('is due after five minutes also when %s', async (_, both, wall) => {
    const { ring, store, clock } = newRing()
    await ring.refresh()
    clock.advance(both)
    clock.jumpWall(wall)
    await ring.refresh()
    expect(store.reads).toBe(2)
  })
})

describe('a ring that is empty', () => {
  it('is a fault, from the first reading on', async () => {
    const { ring, store } = newRing([])
    await expect(ring.findOrRead('key-1')).rejects.toBeInstanceOf(Unavailable)
    await expect(ring.all()).rejects.toBeInstanceOf(Unavailable)
    store.keys = [signingKey]
    expect(await ring.findOrRead('key-1')).toBe(signingKey)
  })

  it('of keys that may sign signs nothing', async () => {
    const { ring } = newRing([{ ...signingKey, state: 'standby' }])
    await expect(ring.signingKeys(nowSeconds)).rejects.toBeInstanceOf(Unavailable)
    expect(ring.find('key-1')).toMatchObject({ state: 'standby' })
  })

  it('keeps nobody waiting for longer than 400 ms where there is a copy', async () => {
    vi.useFakeTimers()
    try {
      let answer = (_keys: readonly SigningKey[]) => {}
      const clock = virtualClock()
      const reads = [
        Promise.resolve([signingKey]),
        new Promise<readonly SigningKey[]>(resolve => (answer = resolve)),
      ]
      const ring = new SigningKeyRing(() => reads.shift() ?? expect.fail('a third reading'), clock)
      await ring.refresh()
      clock.advance(300_000)
      const found = ring.findOrRead('key-1')
      await vi.advanceTimersByTimeAsync(400)
      expect(await found).toBe(signingKey)
      answer([{ ...signingKey, kid: 'key-2' }])
      await vi.advanceTimersByTimeAsync(0)
      expect(ring.find('key-2')).toMatchObject({ kid: 'key-2' })
    } finally {
      vi.useRealTimers()
    }
  })
})
