import { afterAll, describe, expect, it } from 'vitest'
import { revokeToken } from '../../lambda/oauth/revocation.ts'
import { shards } from '../lambda/oauth/support/fake-revocations.ts'
import { makeToken, nowSeconds } from '../lambda/oauth/support/token-maker.ts'
import { functionEnvironment, ring, startFunction } from '../lambda/support/bundled-function.ts'
import { ordersAudience } from '../lambda/support/client-item.ts'
import { startFaultServer } from '../lambda/support/fault-server.ts'
import { authorizerEvent } from '../lambda/support/http-event.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../lambda/support/signing-key-pair.ts'
import { VirtualEnvironments } from './support/virtual-environments.ts'

const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
await store.put('SigningKeys', signingKeyItem(ring, pair.key))

afterAll(async () => {
  await proxy.close()
  await store.close()
})

const startAuthorizer = () =>
  startFunction(
    'authorizer',
    {
      ...functionEnvironment({ dynamodb: proxy.url }),
      AUDIENCE: ordersAudience,
      REVOCATION_REFRESH_SECONDS: '600',
      REVOCATION_OUTAGE_GRACE_SECONDS: '60',
    },
    { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) },
  )

/** How often a table was asked. */
const readsOf = (table: string) => proxy.bodies.filter(({ TableName }) => TableName === table).length

describe('authorizers that start together', () => {
  it('F20: read the ring and each shard of revocations once, in their init, and nothing after that', async () => {
    // Where the machine is so busy that an attempt takes too long there is a second one, and no third.
    const attempts = 2
    const environments = await Promise.all(Array.from({ length: 4 }, startAuthorizer))
    expect(readsOf('SigningKeys')).toBeLessThanOrEqual(4 * attempts)
    expect(readsOf('Revocations')).toBeLessThanOrEqual(4 * 4 * attempts)
    const atStart = proxy.operations.length
    const event = authorizerEvent('GET /orders', `Bearer ${accessToken(pair, tokenClaims(nowReal()))}`)
    for (let request = 0; request < 5; request++) {
      const answers = await Promise.all(environments.map(environment => environment.invoke(event)))
      expect(answers.map(({ result }) => result)).toEqual(
        Array(4).fill(expect.objectContaining({ isAuthorized: true })),
      )
    }
    expect(proxy.operations).toHaveLength(atStart)
    await Promise.all(environments.map(environment => environment.stop()))
  })

  it('F20: a thousand at once, each with twenty requests, ask a thousand times for what they need', async () => {
    const world = new VirtualEnvironments()
    const environments = await Promise.all(Array.from({ length: 1000 }, () => world.start()))
    const askAll = (token: string) =>
      Promise.all(environments.flatMap(({ ask }) => Array.from({ length: 20 }, () => ask(token))))
    expect(new Set(await askAll(makeToken()))).toEqual(new Set(['allowed']))
    expect([world.ring.reads, world.revocations.counts]).toEqual([1000, { read: 1000 * shards, lookUp: 0 }])
  })

  it('F20: and grow old together, refresh by one reading each however many requests wait for it', async () => {
    const world = new VirtualEnvironments()
    const environments = await Promise.all(Array.from({ length: 50 }, () => world.start()))
    world.revocations.revoke(revokeToken('revoked', nowSeconds + 600))
    world.revocations.counts.read = 0
    world.ring.reads = 0
    world.clock.advance(300_001)
    const token = makeToken({ jti: 'revoked' })
    const asks = environments.flatMap(({ ask }) => Array.from({ length: 20 }, () => ask(token)))
    expect(new Set(await Promise.all(asks))).toEqual(new Set(['token_revoked']))
    expect([world.ring.reads, world.revocations.counts]).toEqual([50, { read: 50 * shards, lookUp: 0 }])
  })

  it('F20: and had no ring in their init, read it once each however many requests wait for it', async () => {
    const world = new VirtualEnvironments()
    world.ring.isDown = true
    const environments = await Promise.all(Array.from({ length: 20 }, () => world.start()))
    world.ring.isDown = false
    world.ring.reads = 0
    const asks = environments.flatMap(({ ask }) => Array.from({ length: 20 }, () => ask(makeToken())))
    expect(new Set(await Promise.all(asks))).toEqual(new Set(['allowed']))
    expect(world.ring.reads).toBe(20)
  })

  it('F20: while the store fails, ask it once a second each and no more', async () => {
    const world = new VirtualEnvironments()
    const environments = await Promise.all(Array.from({ length: 20 }, () => world.start()))
    world.revocations.state.isDown = true
    world.ring.isDown = true
    world.clock.advance(300_001)
    world.revocations.counts.read = 0
    world.ring.reads = 0
    for (let tenth = 0; tenth < 30; tenth++) {
      await Promise.all(environments.map(({ ask }) => ask(makeToken())))
      world.clock.advance(100)
    }
    expect(world.ring.reads).toBe(20 * 3)
    expect(world.revocations.counts.read).toBeLessThanOrEqual(20 * 3 * shards)
  })
})

/** Real time: the library that verifies signatures reads the clock of the system. */
const nowReal = () => Math.floor(Date.now() / 1000)

describe('a flood of tokens with keys that nobody knows', () => {
  it('F21: makes one reading of the ring in 10 s, at 500 a second', async () => {
    const world = new VirtualEnvironments()
    const { ask } = await world.start({ outageGraceSeconds: 600 })
    world.ring.reads = 0
    const tokens = Array.from({ length: 100 }, (_, index) => makeToken({}, { kid: `unknown-${index}` }))
    for (let tick = 0; tick < 60_000 / 200; tick++) {
      const answers = await Promise.all(tokens.map(ask))
      expect(new Set(answers)).toEqual(new Set(['key_unknown']))
      world.clock.advance(200)
    }
    expect(world.ring.reads).toBeLessThanOrEqual(6)
  })

  it('F21: keeps no good token waiting, though the reading that it makes never ends', async () => {
    const world = new VirtualEnvironments()
    const { ask } = await world.start()
    world.clock.advance(10_000)
    const { keys } = world.ring
    let answer = (_: typeof keys) => {}
    world.ring.read = () =>
      new Promise(resolve => {
        answer = resolve
      })
    const flood = Array.from({ length: 50 }, () => ask(makeToken({}, { kid: 'unknown' })))
    for (let request = 0; request < 50; request++)
      expect(await ask(makeToken({ jti: `jti-${request}` }))).toBe('allowed')
    answer(keys)
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['key_unknown']))
  })

  it('F21: finds a key that is new all the same, within 10 s', async () => {
    const world = new VirtualEnvironments()
    const { ask, ring: keys } = await world.start()
    world.clock.advance(9_999)
    const [key] = world.ring.keys
    world.ring.keys = [...world.ring.keys, { ...key, kid: 'new' } as never]
    await ask(makeToken({}, { kid: 'unknown' }))
    expect(keys.find('new')).toBe(undefined)
    world.clock.advance(1)
    await ask(makeToken({}, { kid: 'unknown' }))
    expect(keys.find('new')).toMatchObject({ kid: 'new' })
  })

  it('F21: leaves the store of the function alone', async () => {
    const authorizer = await startAuthorizer()
    proxy.reset()
    const good = authorizerEvent('GET /orders', `Bearer ${accessToken(pair, tokenClaims(nowReal()))}`)
    for (let index = 0; index < 200; index++) {
      const unknown = { ...pair, key: { ...pair.key, kid: `unknown-${index}` } }
      const token = accessToken(unknown, tokenClaims(nowReal()))
      const { result } = await authorizer.invoke(authorizerEvent('GET /orders', `Bearer ${token}`))
      expect(result).toEqual({ errorMessage: 'Unauthorized' })
    }
    expect((await authorizer.invoke(good)).result).toMatchObject({ isAuthorized: true })
    await authorizer.stop()
    // Of the ring, where the flood lasted for ten seconds.
    expect(proxy.operations.length).toBeLessThanOrEqual(1)
  })
})
