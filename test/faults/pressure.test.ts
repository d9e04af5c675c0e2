import { readFileSync } from 'node:fs'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { endpointNames, endpoints } from '../attacks/support/attacked-endpoints.ts'
import { bundleOf, functionEnvironment, ring } from '../lambda/support/bundled-function.ts'
import { clientItem, clientSecret, ordersAudience, ordersServerItem } from '../lambda/support/client-item.ts'
import { startFaultServer } from '../lambda/support/fault-server.ts'
import { adminEvent, authorizerEvent, basic, httpEvent } from '../lambda/support/http-event.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../lambda/support/signing-key-pair.ts'
import { spawnFunction } from './support/spawned-function.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
await store.put('SigningKeys', signingKeyItem(ring, pair.key))
await store.put('ResourceServers', ordersServerItem)
await store.put('Clients', clientItem('nightly-export'))
beforeEach(() => proxy.reset())
afterAll(async () => {
  await proxy.close()
  await store.close()
})

const environment = {
  ...functionEnvironment({ dynamodb: proxy.url }),
  ACCESS_TOKEN_LIFETIME_SECONDS: '600',
  AUDIENCE: ordersAudience,
  REVOCATION_REFRESH_SECONDS: '0',
  REVOCATION_OUTAGE_GRACE_SECONDS: '0',
}

const now = Math.floor(Date.now() / 1000)
const token = accessToken(pair, tokenClaims(now))
const megabytes = (count: number) => 'a'.repeat(count * 1_000_000)
const headers = {
  ...basic('nightly-export', clientSecret),
  'content-type': 'application/x-www-form-urlencoded',
}

describe('what is too large', () => {
  it.each(endpointNames)(
    'F38: for %s is refused before the store is asked, and what comes after it is served',
    async name => {
      const running = await spawnFunction(name, environment)
      proxy.reset()
      const { form } = endpoints[name]
      const base64 = {
        isBase64Encoded: true,
        body: Buffer.from(`${form}&x=${megabytes(4)}`).toString('base64'),
      }
      const bodies = [
        { body: `${form}&x=${megabytes(5)}` },
        base64,
        { body: `${form}&x=${'a'.repeat(16_384)}` },
        { body: `${form}${Array.from({ length: 5000 }, (_, index) => `&p${index}=`).join('')}` },
        { body: `${form}&client_assertion_type=x&client_assertion=${'a'.repeat(6_000)}`, headers: {} },
      ]
      for (const parts of bodies) {
        const { result } = await running.invoke(httpEvent({ routeKey: `ANY /${name}`, headers, ...parts }))
        expect((result as { statusCode: number }).statusCode).toBe(400)
      }
      const credentials = { ...headers, authorization: `Basic ${megabytes(1)}` }
      const refused = await running.invoke(
        httpEvent({ routeKey: `ANY /${name}`, body: form, headers: credentials }),
      )
      expect(refused.result).toMatchObject({ statusCode: 401 })
      expect(proxy.operations).toEqual([])
      if (name !== 'token') {
        const { result } = await running.invoke(httpEvent({ routeKey: `ANY /${name}`, headers, body: form }))
        expect(result).toMatchObject({ statusCode: 200 })
      }
      await running.stop()
    },
  )

  it('F38: for the authorizer is refused before the store is asked, and what comes after it is served', async () => {
    const authorizer = await spawnFunction('authorizer', environment)
    proxy.reset()
    const dots = '.'.repeat(100_000)
    for (const text of [
      megabytes(5),
      `${token}${megabytes(1)}`,
      dots,
      `${token}.${token}`,
      'a'.repeat(8193),
    ]) {
      const { result } = await authorizer.invoke(authorizerEvent('GET /orders', `Bearer ${text}`))
      expect(result).toEqual({ errorMessage: 'Unauthorized' })
    }
    expect(proxy.operations).toEqual([])
    const { result } = await authorizer.invoke(authorizerEvent('GET /orders', `Bearer ${token}`))
    expect(result).toMatchObject({ isAuthorized: true })
    await authorizer.stop()
  })

  it('F38: for administration is refused before the store is asked', async () => {
    const admin = await spawnFunction('admin', environment)
    proxy.reset()
    const body = JSON.stringify({ client_name: megabytes(5) })
    const { result } = await admin.invoke(adminEvent({ routeKey: 'POST /admin/clients', body }))
    expect(result).toMatchObject({ statusCode: 400 })
    expect(proxy.operations).toEqual([])
    await admin.stop()
  })

  it.each(['token', 'revoke', 'introspect', 'authorizer'] as const)(
    'F38: of work, a slow hash of a secret, is nowhere in %s',
    name => {
      expect(readFileSync(bundleOf(name), 'utf8')).not.toMatch(/\b(scrypt|pbkdf2|argon2|bcrypt)(Sync)?\b/)
    },
  )
})

/** As few as a process that is nearly out of them has left. */
const fileDescriptors = 64

describe('a function with 64 file descriptors', () => {
  const revoke = () => httpEvent({ routeKey: 'ANY /revoke', headers, body: `token=${token}` })

  it('F39: whose connections break, one after the other, leaks none and serves again', async () => {
    const running = await spawnFunction('revoke', environment, { fileDescriptors })
    await running.invoke(revoke())
    const before = running.openFileDescriptors()
    proxy.always('reset')
    for (let request = 0; request < 100; request++) {
      expect((await running.invoke(revoke())).result).toMatchObject({ statusCode: 503 })
    }
    proxy.reset()
    expect((await running.invoke(revoke())).result).toMatchObject({ statusCode: 200 })
    expect(running.openFileDescriptors()).toBeLessThanOrEqual(before + 5)
    await running.stop()
  })

  it('F39: whose store hangs, gives back the connections that it gave up', async () => {
    const running = await spawnFunction('revoke', environment, { fileDescriptors })
    await running.invoke(revoke())
    const before = running.openFileDescriptors()
    proxy.always('hang')
    for (let request = 0; request < 4; request++) {
      expect((await running.invoke(revoke())).result).toMatchObject({ statusCode: 503 })
    }
    proxy.reset()
    expect((await running.invoke(revoke())).result).toMatchObject({ statusCode: 200 })
    expect(running.openFileDescriptors()).toBeLessThanOrEqual(before + 5)
    await running.stop()
  })

  it('F39: keeps few connections however many requests there are', async () => {
    const running = await spawnFunction('authorizer', environment, { fileDescriptors })
    // Not the one that others have revoked.
    const live = accessToken(pair, tokenClaims(now, { jti: 'live' }))
    const event = authorizerEvent('GET /orders', `Bearer ${live}`)
    for (let request = 0; request < 200; request++) {
      expect((await running.invoke(event)).result).toMatchObject({ isAuthorized: true })
    }
    expect(running.openFileDescriptors()).toBeLessThan(fileDescriptors / 2)
    await running.stop()
  })

  it('F39: that are all taken fails fast and closed, and serves when some are free again', async () => {
    const few = await spawnFunction('revoke', environment, { fileDescriptors: 22 })
    const statuses: unknown[] = []
    for (let request = 0; request < 3; request++) {
      const { result } = await few.invoke(revoke())
      statuses.push((result as { statusCode: number }).statusCode)
    }
    for (const status of statuses) expect([200, 503]).toContain(status)
    await few.stop()
  })
})
