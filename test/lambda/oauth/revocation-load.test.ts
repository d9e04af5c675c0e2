import { describe, expect, it } from 'vitest'
import type { Revocation } from '../../../lambda/oauth/revocation.ts'
import { type ReadRevocations, RevocationLoad } from '../../../lambda/oauth/revocation-load.ts'
import { MalformedRecord } from '../../../lambda/oauth/unavailable.ts'
import { virtualClock } from './support/fake-revocations.ts'

const revocation = (jti: string): Revocation => ({ kind: 'jti', jti, expiresAt: 1 })

/** Shards of pages of token identifiers; notes each call. */
function newLoad(
  pages: Readonly<Record<string, readonly string[][]>>,
  beforeRead: ReadRevocations | undefined = undefined,
) {
  const clock = virtualClock()
  const calls: [string, number, unknown][] = []
  const read: ReadRevocations = async (shard, since, cursor) => {
    calls.push([shard, since, cursor])
    await beforeRead?.(shard, since, cursor)
    const page = Number(cursor ?? 0)
    const all = pages[shard] ?? []
    const revocations = (all[page] ?? []).map(revocation)
    return { revocations, next: page + 1 < all.length ? page + 1 : undefined }
  }
  return { clock, calls, load: new RevocationLoad(read, Object.keys(pages).length, 123, clock) }
}

const jtis = (load: RevocationLoad) =>
  load.revocations.map(item => (item.kind === 'jti' ? item.jti : '')).sort()

describe('one reading of the shards', () => {
  it('is whole when every shard has shown its last page, and follows each cursor', async () => {
    const { load, calls } = newLoad({ 0: [['a'], ['b'], []], 1: [['c']] })
    expect(load.isWhole).toBe(false)
    await load.readNextPages()
    expect(load.isWhole).toBe(false)
    await load.readNextPages()
    await load.readNextPages()
    expect(load.isWhole).toBe(true)
    expect(jtis(load)).toEqual(['a', 'b', 'c'])
    expect(calls).toEqual([
      ['0', 123, undefined],
      ['1', 123, undefined],
      ['0', 123, 1],
      ['0', 123, 2],
    ])
  })

  it('goes on past a page with no records but a cursor', async () => {
    const { load } = newLoad({ 0: [[], [], ['a']] })
    for (let page = 0; page < 3; page++) await load.readNextPages()
    expect([load.isWhole, jtis(load)]).toEqual([true, ['a']])
  })

  it('reads nothing more once it is whole', async () => {
    const { load, calls, clock } = newLoad({ 0: [['a']] })
    expect(await load.readFor(1000, clock)).toBe(true)
    expect(await load.readFor(1000, clock)).toBe(true)
    await load.readNextPages()
    expect(calls).toHaveLength(1)
  })

  it('stops when its time is up and goes on where it stopped in a later invocation', async () => {
    const slow = newLoad({ 0: [['a'], ['b'], ['c'], ['d']] }, async () => {
      slow.clock.advance(500)
      return { revocations: [], next: undefined }
    })
    expect(await slow.load.readFor(1000, slow.clock)).toBe(false)
    expect(jtis(slow.load)).toEqual(['a', 'b'])
    expect(await slow.load.readFor(1000, slow.clock)).toBe(true)
    expect(slow.calls.map(([, , cursor]) => cursor)).toEqual([undefined, 1, 2, 3])
  })

  it('has the age of its start, not of its last page', async () => {
    const { load, clock } = newLoad({ 0: [['a']] })
    const startedAt = { wall: clock.now(), monotonic: clock.monotonic() }
    clock.advance(60_000)
    await load.readFor(1000, clock)
    expect(load.startedAt).toEqual(startedAt)
  })

  it('fails with the store’s own error and is not whole, then asks again for the page that failed', async () => {
    const malformed = new MalformedRecord('x')
    let isBroken = true
    const { load, calls, clock } = newLoad({ 0: [['a']], 1: [['b']] }, async shard => {
      if (isBroken && shard === '1') throw malformed
      return { revocations: [], next: undefined }
    })
    await expect(load.readFor(1000, clock)).rejects.toBe(malformed)
    expect(load.isWhole).toBe(false)
    isBroken = false
    expect(await load.readFor(1000, clock)).toBe(true)
    expect(jtis(load)).toEqual(['a', 'b'])
    expect(calls.map(([shard]) => shard)).toEqual(['0', '1', '1'])
  })
})
