import { afterAll, describe, expect, it } from 'vitest'
import { type Json, orders, payments } from '../flow/local-stack.ts'
import { functionEnvironment, ring, startFunction } from '../lambda/support/bundled-function.ts'
import { authorizerEvent } from '../lambda/support/http-event.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../lambda/support/signing-key-pair.ts'
import { type Refusal, type Route, useAttackedApi } from './support/attacked-api.ts'

const api = useAttackedApi()

async function expectRefused(claims: Json, reason: Refusal): Promise<void> {
  const { tokens, refused } = api()
  await refused(await tokens.signed({ claims }), reason)
}

async function expectForbidden(claims: Json, route: Route = {}): Promise<void> {
  const { tokens, forbidden } = api()
  await forbidden(await tokens.signed({ claims }), route)
}

async function expectAllowed(claims: Json, route: Route = {}): Promise<void> {
  const { tokens, allowed } = api()
  await allowed(await tokens.signed({ claims }), route)
}

const notText = [undefined, null, '', 0, 1, true, {}, [], ['x'], { S: 'x' }].map(value => [value])

describe('who a token is for', () => {
  it.each(notText)(
    'B13: has a subject, a client and an identifier, none of them %j (RFC 9068 §2.2)',
    async value => {
      await expectRefused({ sub: value }, 'claims_malformed')
      await expectRefused({ client_id: value }, 'claims_malformed')
      await expectRefused({ sub: value, client_id: value }, 'claims_malformed')
      await expectRefused({ jti: value }, 'claims_malformed')
    },
  )

  it.each([
    ...[
      'a b',
      'a#b',
      'client#a',
      '../a',
      'a\u0000',
      'a\n',
      ' a',
      'a"',
      "' OR 1=1--",
      'é',
      '🔑',
      '*',
      '{}',
      'a,b',
      'a/b',
    ],
    'x'.repeat(65),
  ])('B13: names nothing that is no identifier (%#) (RFC 8725 §3.10)', async name => {
    await expectRefused({ sub: name, client_id: name }, 'claims_malformed')
    await expectRefused({ jti: name }, 'claims_malformed')
  })

  it('B13: is not identified in 5,000 characters, nor at all in 10,000 (RFC 7519 §4.1.7)', async () => {
    await expectRefused({ jti: 'x'.repeat(5000) }, 'claims_malformed')
    const { status } = await api().answeredByGateway(
      await api().tokens.signed({ claims: { jti: 'x'.repeat(10_000) } }),
    )
    expect(status).toBe(431)
  })

  it('B13: is the client itself: subject and client are one (RFC 9068 §2.2)', async () => {
    const { client_id: clientId } = await api().attacked.stack.register()
    await expectRefused({ sub: clientId }, 'claims_malformed')
    await expectRefused({ client_id: clientId }, 'claims_malformed')
    await expectRefused({ sub: String(api().tokens.claims.sub).toUpperCase() }, 'claims_malformed')
  })
})

describe('the scope', () => {
  it.each([
    ['a list', ['orders:read']],
    ['a list of lists', [['orders:read']]],
    ['a list and a text', ['orders:read orders:write']],
    ['a number', 1],
    ['true', true],
    ['null', null],
    ['an object', { 'orders:read': true }],
    ['an empty list', []],
    ['a space', ' '],
    ['with a space before', ' orders:read'],
    ['with a space behind', 'orders:read '],
    ['with two spaces', 'orders:read  orders:write'],
    ['with a tab', 'orders:read\torders:write'],
    ['with a line end', 'orders:read\n'],
    ['with a carriage return', 'orders:read\r\norders:write'],
    ['with a no-break space', 'orders:read\u00a0orders:write'],
    ['with an em space', 'orders:read\u2003orders:write'],
    ['with a zero-width space', 'orders:read\u200b'],
    ['with a NUL', 'orders:read\u0000'],
    ['with a DEL', 'orders:read\u007f'],
    ['with a quote', 'orders:read "'],
    ['with a backslash', 'orders:read \\'],
    ['with a letter outside ASCII', 'orders:read é'],
    ['twice the same', 'orders:read orders:read'],
    ['twice the same, apart', 'orders:read orders:write orders:read'],
  ])(
    'B14: is a list of scope tokens in one text: not %s (RFC 6749 §3.3, RFC 9068 §2.2.3)',
    async (_, scope) => {
      await expectRefused({ scope }, 'claims_malformed')
    },
  )

  it.each([
    ['absent', undefined],
    ['empty', ''],
    ['another', 'orders:write'],
    ['unheard of', 'orders:admin'],
    ['shorter', 'orders:rea'],
    ['longer', 'orders:reader'],
    ['a part', 'orders'],
    ['a wildcard', '*'],
    ['a wildcard within', 'orders:*'],
    ['a pattern', '.*'],
    ['in upper case', 'ORDERS:READ'],
    ['in mixed case', 'orders:Read'],
    ['with a comma', 'orders:read,orders:write'],
    ['with a semicolon', 'orders:read;'],
    ['in quotes', "'orders:read'"],
    ['of the other API', 'payments:read payments:write'],
    ['of a prototype', '__proto__ constructor toString'],
    ['500 others', Array.from({ length: 500 }, (_, index) => `s${index}`).join(' ')],
  ])('B14, B16: opens no route that it does not name: %s (RFC 6750 §3.1)', async (_, scope) => {
    await expectForbidden({ scope })
  })

  it('B14: comes from its own claim and no other (RFC 8693 §4.2)', async () => {
    const { tokens, forbidden } = api()
    await expectForbidden({
      scope: undefined,
      scp: 'orders:read',
      scopes: ['orders:read'],
      roles: ['orders:read'],
    })
    await expectForbidden({
      scope: '',
      permissions: 'orders:read',
      authorization_details: [{ type: 'orders:read' }],
    })
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      const claims = JSON.stringify({ ...tokens.claims, scope: undefined })
      const hidden = claims.replace('{', `{"${name}":{"scope":"orders:read"},`)
      await forbidden(await tokens.signTexts(tokens.texts[0], hidden))
    }
  })

  const remove: Route = { method: 'DELETE', path: '/orders/7' }
  it.each<[string, Route, boolean]>([
    ['orders:read', remove, false],
    ['orders:write', remove, false],
    ['orders:write orders:admin', remove, false],
    ['orders:read:orders:write', remove, false],
    ['orders:read orders:write', remove, true],
    ['orders:write orders:read', remove, true],
    ['other orders:write more orders:read', remove, true],
    ['orders:write', {}, false],
    ['orders:read', { method: 'POST' }, false],
    ['orders:read', { path: '/orders/7' }, true],
  ])(
    'B16: is all that a route needs, not any of it: %s for %j (RFC 6750 §3.1)',
    async (scope, route, isEnough) => {
      await (isEnough ? expectAllowed : expectForbidden)({ scope }, route)
    },
  )

  const pay: Route = { api: 'payments', method: 'POST' }
  it.each<[string, Route, boolean]>([
    ['payments:write', pay, true],
    ['payments:admin', pay, true],
    ['payments:admin payments:write', pay, true],
    ['payments:read', pay, false],
    ['payments:write:payments:admin', pay, false],
    ['', pay, false],
    ['payments:write payments:admin', { api: 'payments' }, false],
  ])('B16: is any where a route says so, and only there: %s for %j', async (scope, route, isEnough) => {
    await (isEnough ? expectAllowed : expectForbidden)({ aud: payments, scope }, route)
  })
})

describe('a token that is bound to a sender', () => {
  it.each(
    [
      { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' },
      { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' },
      { jwk: { kty: 'EC' } },
      { kid: 'x' },
      { unknown: 1 },
      {},
      [],
      '',
      'jkt',
      null,
      false,
      0,
    ].map(value => [value]),
  )('B19: is no bearer token: cnf %j (RFC 9449 §7.2, RFC 8705 §3, RFC 7800 §3.1)', async cnf => {
    await expectRefused({ cnf }, 'confirmation_unsupported')
  })

  it('B19: is told from one that says more than it has to (RFC 7519 §4)', async () => {
    await expectAllowed({
      nonce: 'x',
      token_use: 'id',
      act: { sub: 'other' },
      azp: 'other',
      events: {},
      '': 0,
    })
  })

  it('B19: is not made one by a claim that only looks like it', async () => {
    await expectAllowed({ CNF: { jkt: 'x' }, x: { cnf: {} } })
  })
})

const now = Math.floor(Date.now() / 1000)
const store = await startLocalStore()
const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
await store.put('SigningKeys', signingKeyItem(ring, pair.key))
const authorizer = await startFunction(
  'authorizer',
  {
    ...functionEnvironment({ dynamodb: store.url }),
    AUDIENCE: orders,
    REVOCATION_REFRESH_SECONDS: '600',
    REVOCATION_OUTAGE_GRACE_SECONDS: '60',
  },
  { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) },
)
afterAll(() => Promise.all([authorizer.stop(), store.close()]))

const decide = async (routeKey: string, changes: Json = {}) =>
  authorizer.invoke(authorizerEvent(routeKey, `Bearer ${accessToken(pair, tokenClaims(now, changes))}`))

describe('a route without scopes of its own', () => {
  it.each([
    ...[
      'POST /orders',
      'HEAD /orders',
      'ANY /orders',
      'get /orders',
      'GET /orders/',
      'GET /orders/{id}',
      'GET //orders',
    ],
    ...[
      'GET /ORDERS',
      'GET /orders ',
      ' GET /orders',
      'GET  /orders',
      'GET /orders?',
      'GET /',
      'GET /{proxy+}',
    ],
    ...['$default', '$connect', '', '*', 'GET', '__proto__', 'constructor', 'toString', 'hasOwnProperty'],
  ])('B17: is refused with 403, whatever the token has: %j', async routeKey => {
    expect((await decide('GET /orders')).result).toMatchObject({ isAuthorized: true })
    const { result, lines } = await decide(routeKey, { scope: 'orders:read orders:write * admin' })
    expect(result).toEqual({ isAuthorized: false })
    expect(lines).toMatchObject([{ audit: 'api.authorize', outcome: 'refused', reason: 'route_unknown' }])
  })

  it.each([[1], [null], [undefined], [['GET /orders']], [{ 'GET /orders': 1 }]])(
    'B17: is refused with 403 when its key is no text: %j',
    async routeKey => {
      const event = authorizerEvent('GET /orders', `Bearer ${accessToken(pair, tokenClaims(now))}`)
      const { result, lines } = await authorizer.invoke({ ...event, routeKey })
      expect(result).toEqual({ isAuthorized: false })
      expect(lines).toMatchObject([{ outcome: 'refused', reason: 'event_unsupported' }])
    },
  )

  it.each([
    ['aud of 10^4 entries', { aud: Array.from({ length: 10_000 }, () => orders) }],
    ['jti of 10 kB', { jti: 'x'.repeat(10_000) }],
    ['scope of 10 kB', { scope: `orders:read ${'x'.repeat(10_000)}` }],
    ['5,000 claims', Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`c${index}`, index]))],
  ])('B10, B13: is not even asked for when the token is too long: %s', async (_, claims) => {
    const { result, lines } = await decide('GET /orders', claims)
    expect(result).toEqual({ errorMessage: 'Unauthorized' })
    expect(lines).toMatchObject([{ outcome: 'refused', reason: 'token_too_long' }])
  })
})
