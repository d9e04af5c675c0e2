import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ClientJwksUris } from '../../lambda/adapters/client-jwks-uris.ts'
import { SigningKeysTable } from '../../lambda/adapters/signing-keys-table.ts'
import { publishedKeys, type SigningKey } from '../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import { signingRingLimitSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { ecJwk, type Jwk } from '../lambda/oauth/support/client-jwks.ts'
import { virtualClock } from '../lambda/oauth/support/fake-revocations.ts'
import { makeToken, nowSeconds, signingKey } from '../lambda/oauth/support/token-maker.ts'
import { recordedLines } from '../lambda/support/recorded-lines.ts'
import { signingKeyItem, signingKeyPair } from '../lambda/support/signing-key-pair.ts'
import { VirtualEnvironments } from './support/virtual-environments.ts'

const minute = 60_000

describe('keys that are rotated', () => {
  // Late, crashed and overlapping keepers against caches of every age: test/properties/key-rotation.test.ts. Here is
  // the one schedule at the edge: a key that is gone from the ring before the copies of it are.
  it('F18: are accepted to the second in which their time ends, whatever copy of the ring there is', async () => {
    const world = new VirtualEnvironments()
    const verifyUntil = nowSeconds + 300
    world.ring.keys = [{ ...signingKey, state: 'retiring', verifyUntil }]
    const environment = await world.start()
    const token = makeToken()
    world.ring.isDown = true
    for (let second = 0; second < 300; second += 5) {
      expect(await environment.ask(token)).toBe('allowed')
      world.clock.advance(5000)
    }
    expect(await environment.ask(token)).toBe('key_unknown')
  })
})

/** What a ring's reading may come to, none of which is a ring. */
const badRings: [string, () => Promise<readonly SigningKey[]>][] = [
  ['fails', () => Promise.reject(new Error('no'))],
  ['is empty', async () => []],
]

describe('the ring, whose reading', () => {
  it.each(badRings)('F19: %s, is the last good one for as long as that lasts', async (_, read) => {
    const world = new VirtualEnvironments()
    const environment = await world.start({ outageGraceSeconds: 90_000 })
    world.ring.read = read
    for (let minutes = 0; minutes < 60; minutes++) {
      world.clock.advance(minute)
      const iat = nowSeconds + minutes * 60
      expect(await environment.ask(makeToken({ iat, exp: iat + 600, jti: `jti-${minutes}` }))).toBe('allowed')
      expect(publishedKeys(await environment.ring.all(), iat)).toHaveLength(1)
    }
  })

  it.each(badRings)(
    'F19: %s, signs for five minutes and no longer: its key may have been revoked',
    async (_, read) => {
      const clock = virtualClock()
      let current = async (): Promise<readonly SigningKey[]> => [signingKey]
      const ring = new SigningKeyRing(() => current(), clock, { refreshSeconds: 5 })
      await ring.refresh()
      current = read
      clock.advance(signingRingLimitSeconds * 1000)
      expect(await ring.signingKeys(nowSeconds)).toEqual([signingKey])
      clock.advance(1)
      await expect(ring.signingKeys(nowSeconds)).rejects.toMatchObject({ name: 'Unavailable' })
      current = async () => [signingKey]
      clock.advance(1000)
      expect(await ring.signingKeys(nowSeconds)).toEqual([signingKey])
    },
  )

  it.each(badRings)(
    'F19: %s from the first on, lets nothing pass, and everything at the first good one',
    async (_, read) => {
      const world = new VirtualEnvironments()
      const { read: good } = world.ring
      world.ring.read = read
      const environment = await world.start()
      expect(await environment.ask(makeToken())).toBe('store_unavailable')
      world.ring.read = good
      expect(await environment.ask(makeToken())).toBe('allowed')
    },
  )

  it.each<[string, Record<string, never> | object]>([
    ['has one bad row', { public_jwk: { S: '{' } }],
    ['has a row of another curve', { algorithm: { S: 'ES512' } }],
    ['has the key of another identifier', {}],
  ])('F19: %s, is not taken in part', async (_, changes) => {
    const [first, second] = [signingKeyPair(), signingKeyPair()]
    const sameHalf = { ...second.key, publicJwk: { ...first.key.publicJwk, kid: second.key.kid } }
    const isDamaged = Object.keys(changes).length > 0
    let rows = [signingKeyItem('ring', first.key)]
    const client = { send: async () => ({ Items: rows }) }
    const recorded = recordedLines('authorizer')
    const table = new SigningKeysTable(client as never, 'SigningKeys', 'ring', recorded.records)
    const clock = virtualClock()
    const ring = new SigningKeyRing(() => table.read(), clock)
    await ring.refresh()
    rows = [...rows, { ...signingKeyItem('ring', isDamaged ? second.key : sameHalf), ...changes }]
    clock.advance(5 * minute)
    await ring.refresh()
    expect((await ring.all()).map(key => key.kid)).toEqual([first.key.kid])
    expect(recorded.lines).toMatchObject([
      { message: 'malformed record', key: second.key.kid, StoreErrors: 1 },
    ])
    rows = [signingKeyItem('ring', second.key)]
    clock.advance(1000)
    await ring.refresh()
    expect((await ring.all()).map(key => key.kid)).toEqual([second.key.kid])
  })
})

const first: Jwk = { ...ecJwk(), kid: 'first' }
const second: Jwk = { ...ecJwk(), kid: 'second' }
const good = JSON.stringify({ keys: [first] })

describe('the keys of a client, at a jwks_uri that', () => {
  let asked = 0
  let answer: (response: ServerResponse) => void
  let origin: string
  const server = createServer((_, response) => {
    asked++
    answer(response)
  })
  const publish = (text: string) => (response: ServerResponse) => void response.writeHead(200).end(text)

  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    asked = 0
    answer = publish(good)
  })

  const bad: [string, (response: ServerResponse) => void][] = [
    ['has an error', response => void response.writeHead(500).end()],
    ['is throttled', response => void response.writeHead(429).end()],
    ['breaks connections', response => void response.destroy()],
    [
      'breaks off its answer',
      response => {
        response.writeHead(200, { 'content-length': good.length + 1 }).end(good)
        response.destroy()
      },
    ],
    ['answers nothing', publish('')],
    ['answers half a document', publish(good.slice(0, good.length / 2))],
    ['answers other JSON', publish('[]')],
    ['answers a page', publish('<html>maintenance</html>')],
    ['has no keys any more', publish('{"keys":[]}')],
    ['has keys of another shape', publish(JSON.stringify({ keys: [{ ...first, x: 'AA' }] }))],
    ['answers more than anybody needs', publish(`${good}${' '.repeat(1_000_000)}`)],
    ['redirects', response => void response.writeHead(302, { location: '/other' }).end()],
    ['never answers', () => undefined],
  ]

  it.each(bad)(
    'F19: %s, stay the last good ones for an hour, and are asked for once in 10 s',
    async (_, fault) => {
      const clock = virtualClock()
      const { records } = recordedLines()
      const uris = new ClientJwksUris({ clock, records }, { allowOrigin: origin })
      const kids = async (kid: string) => {
        const keys = await uris.find(`${origin}/jwks`, kid, undefined)
        return keys === 'unavailable' ? keys : keys.map(key => key.kid)
      }
      expect(await kids('first')).toEqual(['first'])
      answer = fault
      clock.advance(5 * minute)
      // Many at once, and again: one request.
      const together = Array.from({ length: 20 }, () => kids('first'))
      expect(new Set((await Promise.all(together)).flat())).toEqual(new Set(['first']))
      clock.advance(9_999)
      expect(await kids('first')).toEqual(['first'])
      expect(asked).toBe(2)
      clock.advance(55 * minute - 10_000)
      expect(await kids('first')).toEqual(['first'])
      clock.advance(1)
      expect(await kids('first')).toBe('unavailable')
      answer = publish(JSON.stringify({ keys: [second] }))
      clock.advance(10_000)
      expect(await kids('second')).toEqual(['second'])
    },
  )

  it('F19: gives other keys, are those within 5 minutes: a key that was removed is not kept', async () => {
    const clock = virtualClock()
    const uris = new ClientJwksUris({ clock, records: recordedLines().records }, { allowOrigin: origin })
    await uris.find(`${origin}/jwks`, 'first', undefined)
    answer = publish(JSON.stringify({ keys: [second] }))
    clock.advance(5 * minute)
    const keys = await uris.find(`${origin}/jwks`, 'first', undefined)
    expect(keys).toMatchObject([{ kid: 'second' }])
  })
})
