import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { shardOf } from '../../lambda/oauth/revocation.ts'
import { functionEnvironment, ring, startFunction } from '../lambda/support/bundled-function.ts'
import { clientItem, clientSecret, ordersAudience } from '../lambda/support/client-item.ts'
import { type Fault, failing, startFaultServer, throttled } from '../lambda/support/fault-server.ts'
import { basic, httpEvent } from '../lambda/support/http-event.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../lambda/support/signing-key-pair.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
await store.put('SigningKeys', signingKeyItem(ring, pair.key))
await store.put('Clients', clientItem('nightly-export'))
await store.put('Clients', clientItem('orders-api', { resource_server: { S: ordersAudience } }))
const environment = functionEnvironment({ dynamodb: proxy.url })
const functions = {
  revoke: await startFunction('revoke', environment),
  introspect: await startFunction('introspect', environment),
}

afterAll(() =>
  Promise.all([functions.revoke.stop(), functions.introspect.stop(), proxy.close(), store.close()]),
)
beforeEach(() => proxy.reset())

const issuedAt = Math.floor(Date.now() / 1000)
const tokenOf = (jti: string) => accessToken(pair, tokenClaims(issuedAt, { jti }))
const rowOf = (jti: string) =>
  store.get('Revocations', { shard: { S: shardOf(`jti#${jti}`, 4) }, subject: { S: `jti#${jti}` } })

async function ask(endpoint: 'revoke' | 'introspect', clientId: string, token: string) {
  const body = new URLSearchParams({ token }).toString()
  const event = httpEvent({ routeKey: `ANY /${endpoint}`, headers: basic(clientId, clientSecret), body })
  const start = performance.now()
  const { result, lines, texts } = await functions[endpoint].invoke(event)
  expect(performance.now() - start).toBeLessThan(2500)
  expect(texts.join('')).not.toContain(token.split('.')[2])
  const answer = result as { statusCode: number; headers: Record<string, string>; body: string }
  const audits = lines.filter(line => line.audit !== undefined)
  expect(audits).toHaveLength(1)
  return { ...answer, event: audits[0] }
}

type Asked = Awaited<ReturnType<typeof ask>>

function expectUnavailable({ statusCode, headers, body, event }: Asked): void {
  expect([statusCode, headers['retry-after'], headers['cache-control']]).toEqual([503, '1', 'no-store'])
  expect(JSON.parse(body)).toEqual({
    error: 'temporarily_unavailable',
    error_description: 'a dependency cannot be reached: try again shortly',
  })
  expect(event).toMatchObject({ outcome: 'failed', reason: 'store_unavailable' })
}

/** The day of a secret's last use is written once; after that each request is two operations. */
async function warmUp(): Promise<void> {
  await ask('revoke', 'nightly-export', tokenOf('warm-up'))
  await ask('introspect', 'nightly-export', tokenOf('warm-up'))
  await ask('introspect', 'orders-api', tokenOf('warm-up'))
  proxy.reset()
}
await warmUp()

const faults: [string, Fault][] = [
  ['breaks connections', 'reset'],
  ['does not answer', 'hang'],
  ['breaks off its answers', 'stall'],
  ['has an internal error', failing],
  ['throttles', throttled],
  ['denies access', { status: 400, type: 'AccessDeniedException' }],
  ['has no such table', { status: 400, type: 'ResourceNotFoundException' }],
  ['finds the request wrong', { status: 400, type: 'ValidationException' }],
]

describe('a revocation', () => {
  it.each(faults)(
    'I16: is 503 with Retry-After, never 200, where the store %s (RFC 7009 §2.2.1)',
    async (what, fault) => {
      const jti = `unwritten-${what.replaceAll(' ', '-')}`
      proxy.next('pass', fault, fault)
      expectUnavailable(await ask('revoke', 'nightly-export', tokenOf(jti)))
      expect(await rowOf(jti)).toBe(undefined)
      // As Retry-After says: the same request again.
      proxy.reset()
      expect((await ask('revoke', 'nightly-export', tokenOf(jti))).statusCode).toBe(200)
      expect(await rowOf(jti)).toMatchObject({ subject: { S: `jti#${jti}` } })
    },
  )

  it('I16: is 503 where both answers are lost, though it is recorded: the client cannot know (RFC 7009 §2.2.1)', async () => {
    proxy.next('pass', 'lost', 'lost')
    expectUnavailable(await ask('revoke', 'nightly-export', tokenOf('lost')))
    expect(await rowOf('lost')).toMatchObject({ subject: { S: 'jti#lost' } })
  })

  it('I16: is 503 where the client cannot be read, and says nothing of its credentials', async () => {
    proxy.always('reset')
    expectUnavailable(await ask('revoke', 'nightly-export', tokenOf('unread')))
    expectUnavailable(await ask('revoke', 'nobody', tokenOf('unread')))
  })
})

describe('an introspection', () => {
  it.each(faults)('I16: is 503, never active, where the store %s (RFC 7662 §2.2)', async (_, fault) => {
    for (const clientId of ['orders-api', 'nightly-export']) {
      proxy.next('pass', fault, fault)
      expectUnavailable(await ask('introspect', clientId, tokenOf('live')))
      proxy.reset()
    }
    const answer = await ask('introspect', 'orders-api', tokenOf('live'))
    expect([answer.statusCode, JSON.parse(answer.body).active]).toEqual([200, true])
  })

  it('I16: is 503 where a record was left unread: it may be the revocation', async () => {
    proxy.next('pass', {
      answer: body => ({ ...body, Responses: {}, UnprocessedKeys: { Revocations: { Keys: [{}] } } }),
    })
    expectUnavailable(await ask('introspect', 'orders-api', tokenOf('live')))
  })

  it('I4: of a revoked token is two words from the moment of its 200, without a cache', async () => {
    const token = tokenOf('revoked')
    expect(JSON.parse((await ask('introspect', 'orders-api', token)).body).active).toBe(true)
    expect((await ask('revoke', 'nightly-export', token)).statusCode).toBe(200)
    const answer = await ask('introspect', 'orders-api', token)
    expect([answer.body, answer.event?.reason]).toEqual(['{"active":false}', 'token_revoked'])
  })

  it('I4: of what is no token does not ask for its revocation', async () => {
    const forged = accessToken({ ...signingKeyPair(), key: pair.key }, tokenClaims(issuedAt))
    expect((await ask('introspect', 'orders-api', forged)).body).toBe('{"active":false}')
    expect(proxy.operations).toEqual(['BatchGetItem'])
  })
})
