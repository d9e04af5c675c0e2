import { beforeEach, describe, expect, it } from 'vitest'
import { restAuthorizerHandler } from '../../../lambda/adapters/rest-authorizer-handler.ts'
import { ClockWatch } from '../../../lambda/oauth/clock-watch.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { usageIdentifier } from '../../../lambda/oauth/usage-identifier.ts'
import { VerifiedTokenMemory } from '../../../lambda/oauth/verified-token-memory.ts'
import { issuer, ordersAudience } from '../support/client-item.ts'
import { authorizerEvent, requestId, restAuthorizerEvent } from '../support/http-event.ts'
import { frozenClock, nowSeconds, recordedLines } from '../support/recorded-lines.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const pair = signingKeyPair()
const { key } = pair
const recorded = recordedLines('authorizer')
const find = (kid: string) => (kid === key.kid ? key : undefined)
const api = {
  issuer,
  audience: ordersAudience,
  routes: new Map([
    ['GET /orders', { allOf: ['orders:read'] }],
    ['GET /orders/{id}', { allOf: ['orders:read'] }],
    ['ANY /orders/{id}', { allOf: ['orders:write'] }],
    ['GET /orders/{id}/secret', { allOf: ['orders:admin'] }],
  ]),
  memory: new VerifiedTokenMemory(),
  findKey: async (kid: string) => find(kid),
  findKnownKey: find,
  verifySignature: () => true,
  isRevoked: async () => false,
}
const functionContext = {
  clock: frozenClock(),
  records: recorded.records,
  watch: new ClockWatch(() => {}),
}
const handler = restAuthorizerHandler(api, functionContext)
const bearer = (scope: string) => `Bearer ${accessToken(pair, tokenClaims(nowSeconds, { scope }))}`
const reader = bearer('orders:read')
const event = restAuthorizerEvent('GET', '/orders/{id}', reader, '/orders/17')
const ask = (changed: unknown, by = handler) => by(changed as Parameters<typeof handler>[0])
const stageArn = 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/'
const secrets = [`${stageArn}GET/orders/*/secret`, `${stageArn}GET/orders/*/secret/`]
const readable = [`${stageArn}GET/orders`, `${stageArn}GET/orders/`, `${stageArn}GET/orders/*`]
const Action = 'execute-api:Invoke'
const unauthorized = new Error('Unauthorized')

beforeEach(() => recorded.clear())

describe('restAuthorizerHandler', () => {
  it('allows every route of the scope, and tells the integration whose token it is', async () => {
    expect(await ask(event)).toEqual({
      principalId: 'nightly-export',
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Action, Resource: readable },
          { Effect: 'Deny', Action, Resource: secrets },
        ],
      },
      context: {
        clientId: 'nightly-export',
        scope: 'orders:read',
        jti: 'token-0001',
        audience: ordersAudience,
        expiresAt: nowSeconds + 600,
      },
    })
    expect(recorded.lines).toMatchObject([
      {
        audit: 'api.authorize',
        outcome: 'allowed',
        reason: 'ok',
        requestId,
        sourceIp: '192.0.2.7',
        clientId: 'nightly-export',
        DecisionsAllowed: 1,
      },
    ])
  })

  it('answers the same for each route that the scope allows: the answer is kept for all of them', async () => {
    expect(await ask(restAuthorizerEvent('GET', '/orders', reader))).toEqual(await ask(event))
  })

  it('names the client to usage plans where they throttle, in every answer about a token', async () => {
    const identifying = restAuthorizerHandler(api, functionContext, { identifiesClients: true })
    const usageIdentifierKey = usageIdentifier('nightly-export')
    expect(await ask(event, identifying)).toEqual({ ...(await ask(event)), usageIdentifierKey })
    const beyond = restAuthorizerEvent('GET', '/orders/{id}/secret', reader, '/orders/17/secret')
    expect(await ask(beyond, identifying)).toEqual({ ...(await ask(beyond)), usageIdentifierKey })
    const unsupported = authorizerEvent('GET /orders', reader)
    expect(await ask(unsupported, identifying)).toEqual(await ask(unsupported))
    expect(await ask(event)).not.toHaveProperty('usageIdentifierKey')
  })

  it('denies a request to a route beyond the scope by its name, however its path is spelled (RFC 6750 §3.1)', async () => {
    const path = '/orders/17/secre%74'
    const refused = await ask(restAuthorizerEvent('GET', '/orders/{id}/secret', reader, path))
    expect(refused.policyDocument.Statement).toEqual([
      { Effect: 'Allow', Action, Resource: readable },
      { Effect: 'Deny', Action, Resource: [...secrets, `${stageArn}GET${path}`] },
    ])
    expect(recorded.lines).toMatchObject([{ outcome: 'refused', reason: 'scope_insufficient' }])
  })

  it('takes a resource’s ANY for the methods that it has not', async () => {
    const writer = bearer('orders:write')
    await ask(restAuthorizerEvent('DELETE', '/orders/{id}', writer, '/orders/17'))
    await ask(restAuthorizerEvent('GET', '/orders/{id}', writer, '/orders/17'))
    await ask(restAuthorizerEvent('POST', '/orders', writer))
    expect(recorded.lines).toMatchObject([
      { outcome: 'allowed', reason: 'ok' },
      { outcome: 'refused', reason: 'scope_insufficient' },
      { outcome: 'refused', reason: 'route_unknown' },
    ])
  })

  it.each<[string, unknown]>([
    ['nothing at all', undefined],
    ['null', null],
    ['text', 'GET /orders'],
    ['an empty object', {}],
    ['an HTTP API of format 1.0', { ...event, version: '1.0' }],
    ['an HTTP API of format 2.0', authorizerEvent('GET /orders', reader)],
    ['a TOKEN authorizer', { type: 'TOKEN', methodArn: event.methodArn, authorizationToken: reader }],
    ['a WebSocket API', { ...event, resource: undefined, httpMethod: undefined }],
    ['no ARN', { ...event, methodArn: undefined }],
    ['an ARN of something else', { ...event, methodArn: 'arn:aws:lambda:us-east-1:000000000000:function:x' }],
    ['an ARN with a pattern', { ...event, methodArn: 'arn:aws:execute-api:*' }],
    ['an ARN of another method', { ...event, httpMethod: 'DELETE' }],
    ['a resource that is a list', { ...event, resource: ['/orders'] }],
  ])('denies everything for an event of another shape: %s', async (_, other) => {
    expect(await ask(other)).toEqual({
      principalId: 'unknown',
      policyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action, Resource: ['*'] }] },
    })
    expect(recorded.lines).toMatchObject([{ outcome: 'refused', reason: 'event_unsupported' }])
  })

  it('reads the header in any case, from either list of headers', async () => {
    const { Authorization: _, ...others } = event.headers
    for (const headers of [{ ...others, AUTHORIZATION: reader }, { authorization: reader }])
      for (const multiValueHeaders of [undefined, null, {}])
        expect(await ask({ ...event, headers, multiValueHeaders })).toEqual(await ask(event))
  })

  it.each<[string, unknown]>([
    ['none', { headers: {}, multiValueHeaders: {} }],
    ['no list of headers', { headers: null, multiValueHeaders: null }],
    ['an empty one', { headers: { Authorization: '' }, multiValueHeaders: { Authorization: [''] } }],
    ['two of them', { multiValueHeaders: { Authorization: [reader, reader] } }],
    ['two in different case', { multiValueHeaders: { Authorization: [reader], authorization: [reader] } }],
    ['one that is no text', { headers: { Authorization: 7 }, multiValueHeaders: { Authorization: [7] } }],
    ['another scheme', { multiValueHeaders: { Authorization: ['Basic eDp5'] } }],
  ])('answers other credentials than one token as unauthorized: %s (RFC 6750 §3.1)', async (_, changes) => {
    await expect(ask({ ...event, ...(changes as object) })).rejects.toThrow(unauthorized)
    expect(recorded.lines).toMatchObject([{ outcome: 'refused', DecisionsRefused: 1 }])
  })

  it('answers a revoked token as unauthorized, and an outage as a failure that nothing keeps', async () => {
    const revoked = restAuthorizerHandler({ ...api, isRevoked: async () => true }, functionContext)
    await expect(ask(event, revoked)).rejects.toThrow(unauthorized)
    const isRevoked = () => Promise.reject(new Unavailable('store'))
    const away = restAuthorizerHandler({ ...api, isRevoked }, functionContext)
    await expect(ask(event, away)).rejects.toThrow(new Error('store_unavailable'))
    expect(recorded.lines).toMatchObject([
      { outcome: 'refused', reason: 'token_revoked' },
      { outcome: 'failed', reason: 'store_unavailable' },
    ])
  })
})
