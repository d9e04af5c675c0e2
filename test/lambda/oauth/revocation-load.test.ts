import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Revocation } from '../../../lambda/oauth/revocation.ts'
import { type ReadRevocations, RevocationLoad } from '../../../lambda/oauth/revocation-load.ts'
import { RevocationSnapshot } from '../../../lambda/oauth/revocation-snapshot.ts'
import { MalformedRecord } from '../../../lambda/oauth/unavailable.ts'
import { virtualClock } from './support/fake-revocations.ts'
import { nowSeconds } from './support/token-maker.ts'

const revocation = (jti: string): Revocation => ({ kind: 'jti', jti, expiresAt: nowSeconds + 60 })

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
  const options = { shards: Object.keys(pages).length, revokedSince: 123, clock, random: () => 0 }
  return { clock, calls, load: new RevocationLoad(read, options) }
}

/** Which of some tokens the load says are revoked; undefined = it says nothing yet. */
const jtis = ({ whole }: RevocationLoad) =>
  whole &&
  ['a', 'b', 'c', 'd'].filter(jti =>
    whole.isRevoked({ jti, clientId: '-', kid: '-', iat: nowSeconds }, nowSeconds),
  )

describe('one reading of the shards', () => {
  it('is whole when every shard has shown its last page, and follows each cursor', async () => {
    const { load, calls } = newLoad({ 0: [['a'], ['b'], []], 1: [['c']] })
    expect(load.whole).toBeUndefined()
    await load.readNextPages()
    expect(load.whole).toBeUndefined()
    await load.readNextPages()
    await load.readNextPages()
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
    expect(jtis(load)).toEqual(['a'])
  })

  it('reads nothing more once it is whole', async () => {
    const { load, calls } = newLoad({ 0: [['a']] })
    await load.readFor(1000)
    await load.readFor(1000)
    await load.readNextPages()
    expect(calls).toHaveLength(1)
  })

  it('stops when its time is up and goes on where it stopped in a later invocation', async () => {
    const slow = newLoad({ 0: [['a'], ['b'], ['c'], ['d']] }, async () => {
      slow.clock.advance(500)
      return { revocations: [], next: undefined }
    })
    await slow.load.readFor(1000)
    expect([slow.calls.length, jtis(slow.load)]).toEqual([2, undefined])
    await slow.load.readFor(1000)
    expect(jtis(slow.load)).toEqual(['a', 'b', 'c', 'd'])
    expect(slow.calls.map(([, , cursor]) => cursor)).toEqual([undefined, 1, 2, 3])
  })

  it('has the age of its start, not of its last page', async () => {
    const { load, clock } = newLoad({ 0: [['a']] })
    const startedAt = { wall: clock.now(), monotonic: clock.monotonic() }
    clock.advance(60_000)
    await load.readFor(1000)
    expect(load.startedAt).toEqual(startedAt)
  })

  it('fails with the store’s own error and is not whole, then asks again for the page that failed', async () => {
    const malformed = new MalformedRecord('x')
    let isBroken = true
    const { load, calls } = newLoad({ 0: [['a']], 1: [['b']] }, async shard => {
      if (isBroken && shard === '1') throw malformed
      return { revocations: [], next: undefined }
    })
    await expect(load.readFor(1000)).rejects.toBe(malformed)
    expect(load.whole).toBeUndefined()
    isBroken = false
    await load.readFor(1000)
    expect(jtis(load)).toEqual(['a', 'b'])
    expect(calls.map(([shard]) => shard)).toEqual(['0', '1', '1'])
  })

  it('leaves out what had expired when it started', async () => {
    const clock = virtualClock()
    const old: Revocation = { kind: 'jti', jti: 'a', expiresAt: nowSeconds }
    const read = async () => {
      clock.advance(120_000)
      return { revocations: [old, revocation('b')], next: undefined }
    }
    const load = new RevocationLoad(read, { shards: 1, revokedSince: 0, clock, random: () => 0 })
    await load.readFor(1000)
    // The other one has expired since, by a clock that may be ahead.
    expect([
      load.size,
      load.whole?.isRevoked({ jti: 'b', clientId: '', kid: '', iat: 0 }, nowSeconds),
    ]).toEqual([1, true])
  })

  it('asks for no page again while another of its step is under way, and keeps those that came', async () => {
    const asked: { shard: string; resolve: () => void; reject: (reason: unknown) => void }[] = []
    const { load, calls } = newLoad({ 0: [['a']], 1: [['b']] }, shard => {
      return new Promise((resolve, reject) => {
        asked.push({ shard, resolve: () => resolve({ revocations: [], next: undefined }), reject })
      })
    })
    const malformed = new MalformedRecord('x')
    const first = load.readNextPages()
    asked[0]?.reject(malformed)
    await setImmediate()
    const second = load.readNextPages()
    const bothFail = Promise.all([
      expect(first).rejects.toBe(malformed),
      expect(second).rejects.toBe(malformed),
    ])
    expect(asked.map(({ shard }) => shard)).toEqual(['0', '1'])
    asked[1]?.resolve()
    await bothFail
    expect([load.hasFailed, load.steps, load.whole]).toEqual([true, 0, undefined])

    const third = load.readNextPages()
    asked[2]?.resolve()
    await third
    expect(calls.map(([shard]) => shard)).toEqual(['0', '1', '0'])
    expect([load.hasFailed, load.steps, jtis(load)]).toEqual([false, 1, ['a', 'b']])
  })

  it('ends when there is more than a snapshot may hold, and is never whole', async () => {
    const clock = virtualClock()
    let pages = 0
    const read = async () => ({ revocations: [revocation(`${pages++}`)], next: pages })
    const snapshot = new RevocationSnapshot({ tokens: 2, clientsAndKeys: 1 })
    const load = new RevocationLoad(read, { shards: 1, revokedSince: 0, clock, random: () => 0, snapshot })
    await load.readFor(1000)
    expect([load.isTooLarge, load.size, load.whole, pages]).toEqual([true, 3, undefined, 3])
  })
})
