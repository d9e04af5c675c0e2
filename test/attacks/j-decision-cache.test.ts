import { setTimeout as delay } from 'node:timers/promises'
import { Duration } from 'aws-cdk-lib'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { readCloudAssembly } from '../../local/cloud-assembly.ts'
import { orders, type RegisteredClient, useLocalStack } from '../flow/local-stack.ts'
import { synthesisedServer } from '../flow/synthesised-server.ts'
import { AttackedRoutes } from './support/attacked-routes.ts'
import { AttackedStack } from './support/attacked-stack.ts'
import { signedByServer } from './support/hostile-access-tokens.ts'

const seconds = Duration.seconds

/** A stack whose gateway keeps decisions, for the tests of a block. */
function useCachingStack(decisionCacheTtl: number, maxRevocationDelay: number): () => AttackedRoutes {
  const stack = useLocalStack(() =>
    synthesisedServer({
      decisionCacheTtl: seconds(decisionCacheTtl),
      maxRevocationDelay: seconds(maxRevocationDelay),
    }),
  )
  let routes: AttackedRoutes | undefined
  beforeAll(async () => {
    routes = await AttackedRoutes.of(new AttackedStack(stack()))
  })
  afterAll(() => routes?.attacked.checkLogs())
  return () => {
    if (routes === undefined) throw new Error('the local stack did not start')
    return routes
  }
}

async function newClient({ attacked }: AttackedRoutes): Promise<RegisteredClient> {
  const client = await attacked.stack.register()
  attacked.keepSecret(client.client_secret)
  return client
}

async function newToken(
  { attacked }: AttackedRoutes,
  client: RegisteredClient,
  scope: string,
): Promise<string> {
  const token = await attacked.stack.token(client, { resource: orders, scope })
  attacked.keepSecret(token)
  return token
}

/** Answered from the cache: the authorizer is not asked. Gives who the backend was told that it is. */
async function cached(routes: AttackedRoutes, line: string, token: string, status = 200): Promise<unknown> {
  const answer = await routes.attacked.answeredByGateway(() => routes.send({ line }, token))
  expect(answer.status).toBe(status)
  return JSON.parse(answer.body).clientId
}

describe('a decision in the cache', () => {
  const routes = useCachingStack(60, 61)

  it('J8: that allowed one route allows no other of the same path, method or scope', async () => {
    const token = await newToken(routes(), await newClient(routes()), 'orders:read')
    await routes().reached({ line: 'GET /orders/1' }, 'GET /orders/{id}', token)
    for (let round = 0; round < 2; round++) {
      await cached(routes(), 'GET /orders/1', token)
      await cached(routes(), 'GET /orders/2', token)
      if (round > 0) continue
      await routes().forbidden({ line: 'DELETE /orders/1' }, token)
      await routes().forbidden({ line: 'POST /orders' }, token)
      await routes().reached({ line: 'GET /orders' }, 'GET /orders', token)
    }
    await cached(routes(), 'DELETE /orders/1', token, 403)
    await cached(routes(), 'DELETE /orders/2', token, 403)
    await cached(routes(), 'POST /orders', token, 403)
    await cached(routes(), 'GET /orders', token)
  })

  it('J8: that refused one route refuses no other', async () => {
    const token = await newToken(routes(), await newClient(routes()), 'orders:write')
    await routes().forbidden({ line: 'GET /orders' }, token)
    await routes().forbidden({ line: 'DELETE /orders/1' }, token)
    await routes().reached({ line: 'POST /orders' }, 'POST /orders', token)
    await cached(routes(), 'GET /orders', token, 403)
    await cached(routes(), 'POST /orders', token)
  })

  it('J8: is no other route’s by a header, a query or a path that claims to be it', async () => {
    const token = await newToken(routes(), await newClient(routes()), 'orders:read')
    await routes().reached({ line: 'GET /orders' }, 'GET /orders', token)
    await routes().forbidden({ line: 'POST /orders' }, token)
    for (const field of ['X-HTTP-Method-Override: GET', 'X-Original-URL: /orders', 'routeKey: GET /orders']) {
      const request = { line: 'POST /orders?routeKey=GET%20%2Forders', fields: [field] }
      const answer = await routes().attacked.answeredByGateway(() => routes().send(request, token))
      expect([answer.status, answer.body]).toEqual([403, '{"message":"Forbidden"}'])
    }
    for (const line of ['POST /orders/', 'POST //orders', 'DELETE /orders', 'PUT /orders'])
      await routes().notFound({ line }, token)
  })

  it.each<[string, (token: string) => string, string]>([
    ['one character more', token => `${token}A`, 'token_signature_malformed'],
    ['one character less', token => token.slice(0, -1), 'token_signature_malformed'],
    ['the key’s end in it', token => `${token},GET /orders`, 'credentials_malformed'],
    ['a quote and the key’s end', token => `${token}","GET /orders`, 'credentials_malformed'],
    ['a space at its beginning', token => ` ${token}`, 'credentials_malformed'],
    ['padding', token => `${token}==`, 'token_signature_malformed'],
  ])('J8: is of the very header that was decided on, not of one with %s', async (_, change, reason) => {
    const token = await newToken(routes(), await newClient(routes()), 'orders:read')
    await routes().reached({ line: 'GET /orders' }, 'GET /orders', token)
    const { attacked } = routes()
    const answer = await attacked.refused('api.authorize', () =>
      routes().send({ line: 'GET /orders' }, change(token)),
    )
    expect([answer.status, answer.event.reason]).toEqual([401, reason])
    await cached(routes(), 'GET /orders', token)
  })

  it('J8: is of one client, of one token and of one API', async () => {
    const [one, other] = [await newClient(routes()), await newClient(routes())]
    const tokens: [RegisteredClient, string][] = []
    for (const client of [one, other, one])
      tokens.push([client, await newToken(routes(), client, 'orders:read')])
    for (const [client, token] of tokens) {
      const { event } = await routes().reached({ line: 'GET /orders' }, 'GET /orders', token)
      expect([event.clientId, event.jti]).toEqual([client.client_id, decodeJwt(token).jti])
    }
    for (const [client, token] of tokens)
      expect(await cached(routes(), 'GET /orders', token)).toBe(client.client_id)
    const [, token = ''] = tokens[0] ?? []
    const send = () => routes().send({ api: 'payments', line: 'GET /payments' }, token)
    const answer = await routes().attacked.refused('api.authorize', send)
    expect([answer.status, answer.event.reason]).toEqual([401, 'audience_mismatch'])
  })
})

describe('a cached decision that is not true any more', () => {
  const [ttl, maxDelay] = [1, 3]
  const routes = useCachingStack(ttl, maxDelay)

  /** Calls until refused, with little between; gives when the last request was sent that was allowed, in epoch ms. */
  async function lastAllowed(token: string, until: number): Promise<number> {
    const url = routes().attacked.stack.url('orders', '/orders')
    for (let last = 0; ; await delay(25)) {
      const sentAt = Date.now()
      const status = await routes().attacked.stack.call('GET', url, token)
      if (status === 401) return last
      expect([status, sentAt < until]).toEqual([200, true])
      last = sentAt
    }
  }

  it('J8: is served no longer than maxRevocationDelay after its token was revoked, its client disabled or deleted (RFC 7009 §2)', async () => {
    const { stack } = routes().attacked
    const revocations: ((client: RegisteredClient, token: string) => Promise<{ status: number }>)[] = [
      (client, token) => stack.revoke(client, token),
      client => stack.admin('POST', `/clients/${client.client_id}/revoke-tokens`),
      client => stack.admin('POST', `/clients/${client.client_id}/disable`),
      client => stack.admin('DELETE', `/clients/${client.client_id}`),
    ]
    const revoking = new Map<string, () => Promise<{ status: number }>>()
    for (const revoke of revocations) {
      const client = await newClient(routes())
      const token = await newToken(routes(), client, 'orders:read')
      await routes().reached({ line: 'GET /orders' }, 'GET /orders', token)
      revoking.set(token, () => revoke(client, token))
    }
    const revokeAndCall = async (token: string, revoke: () => Promise<{ status: number }>) => {
      expect((await revoke()).status).toBeLessThan(300)
      await lastAllowed(token, Date.now() + maxDelay * 1000)
    }
    await Promise.all([...revoking].map(([token, revoke]) => revokeAndCall(token, revoke)))
  })

  it('J8: is served no longer than decisionCacheTtl after its token expired (RFC 7519 §4.1.4)', async () => {
    const now = Math.floor(Date.now() / 1000)
    const exp = now + 2
    const { stack } = routes().attacked
    const token = await signedByServer(stack, await newClient(routes()), { iat: now - 60, exp })
    routes().attacked.keepSecret(token)
    // Decided on just before it expired, and cached when the decision was answered: within a second, as every answer.
    const last = await lastAllowed(token, (exp + ttl + 1) * 1000)
    expect(last).toBeGreaterThan(0)
  })
})

describe('what is deployed', () => {
  const authorizers = (assembly: string) =>
    readCloudAssembly(assembly)
      .flatMap(stack => stack.resources)
      .filter(({ type }) => type === 'AWS::ApiGatewayV2::Authorizer')
      .map(({ properties }) => properties)

  it.each([0, 1, 299])('J8: has the route key in the cache’s key wherever there is a cache: %i s', ttl => {
    const settings = { decisionCacheTtl: seconds(ttl), maxRevocationDelay: seconds(300) }
    const found = authorizers(synthesisedServer(settings))
    expect(found).toHaveLength(2)
    for (const properties of found) {
      expect(properties.AuthorizerResultTtlInSeconds).toBe(ttl)
      expect(properties.IdentitySource).toEqual(
        ttl === 0
          ? ['$request.header.Authorization']
          : ['$request.header.Authorization', '$context.routeKey'],
      )
    }
  })

  it('J10: takes simple responses only, in format 2.0, and by default keeps none', () => {
    const found = authorizers(inject('assemblyDir'))
    expect(found).toHaveLength(2)
    for (const properties of found) {
      expect(properties).toMatchObject({
        AuthorizerType: 'REQUEST',
        AuthorizerPayloadFormatVersion: '2.0',
        EnableSimpleResponses: true,
        // Left out it would be 300 seconds.
        AuthorizerResultTtlInSeconds: 0,
      })
    }
  })

  it.each([
    [5, 5],
    [6, 5],
    [1, 0],
    [300, 300],
  ])('J8: keeps no decision of %i s where revocations take effect within %i s', (ttl, maxDelay) => {
    const settings = { decisionCacheTtl: seconds(ttl), maxRevocationDelay: seconds(maxDelay) }
    expect(() => synthesisedServer(settings)).toThrow('decisionCacheTtl must be')
  })
})
