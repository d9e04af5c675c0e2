import { beforeEach, describe, expect, it } from 'vitest'
import { authorizerHandler } from '../../../lambda/adapters/authorizer-handler.ts'
import { ClockWatch } from '../../../lambda/oauth/clock-watch.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { VerifiedTokenMemory } from '../../../lambda/oauth/verified-token-memory.ts'
import { issuer, ordersAudience } from '../support/client-item.ts'
import { authorizerEvent, requestId } from '../support/http-event.ts'
import { frozenClock, nowSeconds, recordedLines } from '../support/recorded-lines.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const pair = signingKeyPair()
const { key } = pair
const recorded = recordedLines('authorizer')
const find = (kid: string) => (kid === key.kid ? key : undefined)
const api = {
  issuer,
  audience: ordersAudience,
  routes: new Map([['GET /orders', { allOf: ['orders:read'] }]]),
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
const handler = authorizerHandler(api, functionContext)
const event = authorizerEvent('GET /orders', `Bearer ${accessToken(pair, tokenClaims(nowSeconds))}`)
const ask = (changed: unknown, by = handler) => by(changed as Parameters<typeof handler>[0])

beforeEach(() => recorded.clear())

describe('authorizerHandler', () => {
  it('allows, and records whose request it was and what for', async () => {
    expect(await ask(event)).toMatchObject({ isAuthorized: true })
    expect(recorded.lines).toMatchObject([
      {
        audit: 'api.authorize',
        outcome: 'allowed',
        reason: 'ok',
        requestId,
        sourceIp: '192.0.2.7',
        clientId: 'nightly-export',
        audience: ordersAudience,
        scope: 'orders:read',
        jti: 'token-0001',
        DecisionsAllowed: 1,
      },
    ])
  })

  const { requestContext, routeKey, ...noRoute } = event
  const methodArn = 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/GET/orders'
  it.each<[string, unknown]>([
    ['nothing at all', undefined],
    ['null', null],
    ['text', 'GET /orders'],
    ['a list', [event]],
    ['an empty object', {}],
    ['an HTTP API of format 1.0', { ...event, version: '1.0' }],
    ['a version that is a number', { ...event, version: 2 }],
    [
      'a REST API',
      { type: 'REQUEST', methodArn, resource: '/orders', headers: event.headers, requestContext },
    ],
    [
      'a REST API’s TOKEN authorizer',
      { type: 'TOKEN', methodArn, authorizationToken: event.headers.authorization },
    ],
    [
      'a WebSocket API',
      { ...noRoute, version: undefined, methodArn, requestContext: { routeKey: '$connect' } },
    ],
    ['another type', { ...event, type: 'TOKEN' }],
    ['no route key', noRoute],
    ['a route key that is a list', { ...event, routeKey: ['GET /orders'] }],
  ])('denies an event of another shape, whatever it carries: %s', async (_, other) => {
    expect(await ask(other)).toEqual({ isAuthorized: false })
    expect(recorded.lines).toMatchObject([
      { outcome: 'refused', reason: 'event_unsupported', DecisionsRefused: 1 },
    ])
  })

  it.each<[string, unknown]>([
    ['no headers', { ...event, headers: undefined }],
    ['null headers', { ...event, headers: null }],
    ['no such header', { ...event, headers: {} }],
    ['an empty header', { ...event, headers: { authorization: '' } }],
  ])('answers a request without credentials as unauthorized: %s (RFC 6750 §3.1)', async (_, other) => {
    expect(await ask(other)).toEqual({ errorMessage: 'Unauthorized' })
    expect(recorded.lines).toMatchObject([{ outcome: 'refused', reason: 'credentials_missing' }])
  })

  it.each<[string, unknown]>([
    ['a list', [event.headers.authorization]],
    ['a number', 7],
    ['an object', { toString: () => event.headers.authorization }],
  ])('never allows by a header that is no text: %s', async (_, authorization) => {
    expect(await ask({ ...event, headers: { authorization } })).toEqual({ errorMessage: 'Unauthorized' })
  })

  it('reads no header but Authorization, and no token from the identity source or the query', async () => {
    const [token] = event.identitySource
    const elsewhere = { ...event, headers: { 'x-authorization': token }, identitySource: [token] }
    const query = { ...elsewhere, queryStringParameters: { access_token: token, authorization: token } }
    expect(await ask(query)).toEqual({ errorMessage: 'Unauthorized' })
  })

  it('records a decision without its request’s context', async () => {
    for (const context of [undefined, null, {}]) await ask({ ...event, requestContext: context })
    expect(recorded.lines.map(line => [line.outcome, line.requestId])).toEqual([
      ['allowed', ''],
      ['allowed', ''],
      ['allowed', ''],
    ])
  })

  it('F27: allows nothing by a clock that is wrong, and refuses what it refused', async () => {
    const watch = new ClockWatch(() => {})
    const wrong = authorizerHandler(api, { ...functionContext, watch })
    watch.observe(nowSeconds * 1000, { sentAt: 0, receivedAt: 0 })
    await expect(ask(event, wrong)).rejects.toThrow(new Error('clock_wrong'))
    expect(await ask({ ...event, headers: {} }, wrong)).toEqual({ errorMessage: 'Unauthorized' })
    watch.observe(0, { sentAt: 0, receivedAt: 0 })
    expect(await ask(event, wrong)).toMatchObject({ isAuthorized: true })
  })

  it('fails closed when the store is away', async () => {
    const isRevoked = () => Promise.reject(new Unavailable('store'))
    const away = authorizerHandler({ ...api, isRevoked }, functionContext)
    await expect(ask(event, away)).rejects.toThrow(new Error('store_unavailable'))
    expect(recorded.lines).toMatchObject([{ level: 'ERROR', outcome: 'failed', reason: 'store_unavailable' }])
  })

  it('fails closed at an error that nobody expected, and prints nothing of its message', async () => {
    const isRevoked = () => Promise.reject(new TypeError(`cannot read ${event.headers.authorization}`))
    const broken = authorizerHandler({ ...api, isRevoked }, functionContext)
    await expect(ask(event, broken)).rejects.toThrow(new Error('internal_error'))
    expect(recorded.lines).toMatchObject([
      { message: 'unexpected error', error: 'TypeError' },
      { outcome: 'failed', reason: 'internal_error', DecisionsFailed: 1 },
    ])
    expect(recorded.texts.join('')).not.toContain(event.headers.authorization)
  })
})
