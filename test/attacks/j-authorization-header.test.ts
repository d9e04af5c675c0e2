import { describe, expect, it } from 'vitest'
import type { BearerRefusal } from '../../lambda/oauth/bearer-token.ts'
import { basic } from '../flow/local-stack.ts'
import { useAttackedApi } from './support/attacked-api.ts'
import type { Answer } from './support/attacked-stack.ts'
import { rawApiRequest } from './support/raw-api-request.ts'

const api = useAttackedApi()

/** A field stands for a line of the request, `good` in it for a token that lives. */
function send(fields: readonly string[], line = 'GET /orders'): Promise<Answer> {
  const { attacked, tokens } = api()
  return rawApiRequest(attacked.stack, {
    line,
    fields: fields.map(field => field.replaceAll('good', tokens.genuine)),
  })
}

function expectUnauthorized(answer: Answer): void {
  expect([answer.status, answer.body]).toEqual([401, '{"message":"Unauthorized"}'])
  expect(answer.headers.has('access-control-allow-origin')).toBe(false)
}

/** Refused by the gateway, which asks no function. */
async function expectNoCredentials(fields: readonly string[], line?: string): Promise<void> {
  expectUnauthorized(await api().attacked.answeredByGateway(() => send(fields, line)))
}

async function expectRefused(fields: readonly string[], reason: BearerRefusal): Promise<void> {
  const answer = await api().attacked.refused('api.authorize', () => send(fields))
  expectUnauthorized(answer)
  expect(answer.event.reason).toBe(reason)
  for (const member of ['clientId', 'audience', 'scope', 'jti'])
    expect(answer.event).not.toHaveProperty(member)
}

async function expectAllowed(fields: readonly string[]): Promise<void> {
  const answer = await api().attacked.allowed('api.authorize', () => send(fields))
  expect([answer.status, JSON.parse(answer.body).route]).toEqual([200, 'GET /orders'])
}

describe('a request without credentials', () => {
  it.each<[string, string[]]>([
    ['no header', []],
    ['an empty header', ['Authorization:']],
    ['spaces and tabs, which HTTP trims', ['Authorization: \t  \t']],
    ['a header with a longer name', ['X-Authorization: Bearer good', 'Authorization-: Bearer good']],
    ['a header with an underscore', ['Authorization_: Bearer good', 'HTTP_AUTHORIZATION: Bearer good']],
    ['another header for credentials', ['Proxy-Authorization: Bearer good', 'X-Api-Key: good']],
    [
      'what a proxy may have moved',
      ['X-Forwarded-Authorization: Bearer good', 'X-Amzn-Remapped-Authorization: Bearer good'],
    ],
    ['a cookie', ['Cookie: access_token=good; Authorization=Bearer good']],
    ['a WebSocket’s protocol', ['Sec-WebSocket-Protocol: bearer, good']],
  ])('J1: is answered by the gateway, and no function is asked: %s (RFC 6750 §3.1)', async (_, fields) => {
    await expectNoCredentials(fields)
  })

  it.each(['access_token=good', 'authorization=Bearer%20good', 'Authorization=Bearer+good', 'token=good'])(
    'J1: has none in its query: %s (RFC 6750 §2.3)',
    async query => {
      const line = `GET /orders?${query.replace('good', api().tokens.genuine)}`
      await expectNoCredentials([], line)
    },
  )

  it('J1: has none in its form (RFC 6750 §2.2)', async () => {
    const body = new URLSearchParams({ access_token: api().tokens.genuine })
    const url = api().attacked.stack.url('orders', '/orders')
    const answer = await api().attacked.answeredByGateway(() => fetch(url, { method: 'POST', body }))
    expectUnauthorized(answer)
  })

  it('J1: is answered alike on every route that is protected, and on no other', async () => {
    const { stack } = api().attacked
    for (const [name, method, path] of [
      ['orders', 'GET', '/orders'],
      ['orders', 'GET', '/orders/1'],
      ['orders', 'POST', '/orders'],
      ['orders', 'DELETE', '/orders/1'],
      ['payments', 'GET', '/payments'],
      ['payments', 'POST', '/payments'],
    ] as const) {
      const call = () => fetch(stack.url(name, path), { method })
      expectUnauthorized(await api().attacked.answeredByGateway(call))
    }
    for (const authorization of ['', 'Bearer', 'Basic x', `Bearer ${api().tokens.genuine}`]) {
      const call = () => fetch(stack.url('orders', '/health'), { headers: { authorization } })
      const answer = await api().attacked.answeredByGateway(call)
      expect([answer.status, answer.body]).toEqual([200, '{"route":"GET /health"}'])
    }
  })
})

describe('a header that is no bearer token', () => {
  it.each<[string, BearerRefusal]>([
    ['Bearer', 'credentials_malformed'],
    ['Bearer ', 'credentials_malformed'],
    ['Bearer    ', 'credentials_malformed'],
    ['Bearer =', 'credentials_malformed'],
    ['Bearer ====', 'credentials_malformed'],
    ['Bearer ,', 'credentials_malformed'],
    ['Bearer ""', 'credentials_malformed'],
    ['Bearer realm="good"', 'credentials_malformed'],
    ['Bearer token=good', 'credentials_malformed'],
  ])('J2: has no b64token: %j (RFC 6750 §2.1)', async (value, reason) => {
    await expectRefused([`Authorization: ${value}`], reason)
  })

  it.each<[string, string, BearerRefusal]>([
    ['a tab', 'Bearer\tgood', 'credentials_malformed'],
    ['two spaces', 'Bearer  good', 'credentials_malformed'],
    ['a space and a tab', 'Bearer \tgood', 'credentials_malformed'],
    ['a no-break space', 'Bearer\u00a0good', 'credentials_malformed'],
    ['a space and a no-break space', 'Bearer \u00a0good', 'credentials_malformed'],
    ['a no-break space at its end', 'Bearer good\u00a0', 'credentials_malformed'],
    ['a no-break space at its beginning', '\u00a0Bearer good', 'scheme_unsupported'],
    ['another octet at its end', 'Bearer good\u0085', 'credentials_malformed'],
    ['a colon', 'Bearer: good', 'credentials_malformed'],
    ['a colon without a space', 'Bearer:good', 'credentials_malformed'],
    ['an equals sign', 'Bearer=good', 'credentials_malformed'],
    ['a slash', 'Bearer/good', 'credentials_malformed'],
    ['no space', 'Bearergood', 'scheme_unsupported'],
    ['a plus sign for the space', 'Bearer+good', 'scheme_unsupported'],
    ['an escaped space', 'Bearer%20good', 'scheme_unsupported'],
    ['quotes', 'Bearer "good"', 'credentials_malformed'],
    ['single quotes', "Bearer 'good'", 'credentials_malformed'],
    ['quotes around all', '"Bearer good"', 'scheme_unsupported'],
    ['angle brackets', 'Bearer <good>', 'credentials_malformed'],
    ['one more word', 'Bearer good x', 'credentials_malformed'],
    ['the scheme twice', 'Bearer Bearer good', 'credentials_malformed'],
    ['a parameter', 'Bearer good;x=1', 'credentials_malformed'],
    ['a comment', 'Bearer good (x)', 'credentials_malformed'],
    ['a fragment', 'Bearer good#x', 'credentials_malformed'],
    ['a query', 'Bearer good?x', 'credentials_malformed'],
    ['padding inside', 'Bearer =good', 'credentials_malformed'],
  ])('J4: is no token after exactly one space: %s (RFC 6750 §2.1)', async (_, value, reason) => {
    await expectRefused([`Authorization: ${value}`], reason)
  })

  it.each<[string, string[], BearerRefusal]>([
    [
      'two fields, the first good',
      ['Authorization: Bearer good', 'Authorization: Bearer x'],
      'credentials_malformed',
    ],
    [
      'two fields, the second good',
      ['Authorization: Bearer x', 'Authorization: Bearer good'],
      'credentials_malformed',
    ],
    ['the same twice', ['Authorization: Bearer good', 'Authorization: Bearer good'], 'credentials_malformed'],
    [
      'two spellings of the name',
      ['authorization: Bearer good', 'AUTHORIZATION: Bearer x'],
      'credentials_malformed',
    ],
    [
      'fields with another between',
      ['Authorization: Bearer good', 'A: b', 'Authorization: x'],
      'credentials_malformed',
    ],
    [
      'a good one and an empty one',
      ['Authorization: Bearer good', 'Authorization:'],
      'credentials_malformed',
    ],
    ['an empty one and a good one', ['Authorization:', 'Authorization: Bearer good'], 'scheme_unsupported'],
    ['three empty ones', ['Authorization:', 'Authorization:', 'Authorization:'], 'scheme_unsupported'],
    ['a scheme and a token', ['Authorization: Bearer', 'Authorization: good'], 'credentials_malformed'],
    ['Basic and Bearer', ['Authorization: Basic eDp5', 'Authorization: Bearer good'], 'scheme_unsupported'],
    [
      'Bearer and Basic',
      ['Authorization: Bearer good', 'Authorization: Basic eDp5'],
      'credentials_malformed',
    ],
    ['a comma between', ['Authorization: Bearer good,Bearer good'], 'credentials_malformed'],
    ['a comma and a space', ['Authorization: Bearer good, Bearer x'], 'credentials_malformed'],
    ['a comma and another scheme', ['Authorization: Bearer good, Basic eDp5'], 'credentials_malformed'],
    ['another scheme and a comma', ['Authorization: Basic eDp5, Bearer good'], 'scheme_unsupported'],
    ['a comma at the end', ['Authorization: Bearer good,'], 'credentials_malformed'],
    ['a comma at the beginning', ['Authorization: ,Bearer good'], 'scheme_unsupported'],
    ['a semicolon between', ['Authorization: Bearer good;Bearer good'], 'credentials_malformed'],
  ])('J5: is more than one: %s (RFC 9110 §11.6.2)', async (_, fields, reason) => {
    await expectRefused(fields, reason)
  })

  it.each([
    'Basic eDp5',
    'Basic good',
    'DPoP good',
    'Negotiate good',
    'NTLM good',
    'Digest username="x", response="good"',
    'HOBA result="good"',
    'Mutual good',
    'MAC id="good"',
    'OAuth good',
    'Token good',
    'JWT good',
    'PoP good',
    'AWS4-HMAC-SHA256 Credential=good',
    'good',
    'Bearers good',
    'Bearer-x good',
    'Bearer_ good',
    'Bearer.good',
    'XBearer good',
    'Bear er good',
    'B good',
    '"',
    ':',
    '{}',
    'null',
    'undefined',
  ])('J7: is of another scheme: %s (RFC 6750 §2.1)', async value => {
    await expectRefused([`Authorization: ${value}`], 'scheme_unsupported')
  })

  it('J7: is of another scheme: a client’s own credentials, and a DPoP proof beside them (RFC 9449 §7.1)', async () => {
    const client = await api().attacked.stack.register()
    api().attacked.keepSecret(client.client_secret, basic(client).slice(6))
    await expectRefused([`Authorization: ${basic(client)}`], 'scheme_unsupported')
    await expectRefused(['Authorization: DPoP good', 'DPoP: good'], 'scheme_unsupported')
  })
})

describe('a bearer token', () => {
  it.each<[string, string[]]>([
    ['a scheme in lower case', ['Authorization: bearer good']],
    ['a scheme in upper case', ['Authorization: BEARER good']],
    ['a scheme in mixed case', ['Authorization: bEaReR good']],
    ['a name in lower case', ['authorization: Bearer good']],
    ['a name in upper case', ['AUTHORIZATION: Bearer good']],
    ['spaces around it, which HTTP trims', ['Authorization:  \t Bearer good \t ']],
    ['nothing before it', ['Authorization:Bearer good']],
    [
      'other headers of credentials',
      ['Proxy-Authorization: Basic x', 'Cookie: Authorization=x', 'Authorization: Bearer good'],
    ],
  ])('J6: passes as it may be written: %s (RFC 9110 §11.1, §5.5)', async (_, fields) => {
    await expectAllowed(fields)
  })

  it.each<[string, string[]]>([
    ['a folded value', ['Authorization: Bearer', ' good']],
    ['a space before the colon', ['Authorization : Bearer good']],
    ['a space before the name', [' Authorization: Bearer good']],
    ['no colon', ['Authorization Bearer good']],
    ['a NUL', ['Authorization: Bearer good\u0000']],
    ['a vertical tab', ['Authorization: Bearer\u000bgood']],
    ['a DEL', ['Authorization: Bearer\u007fgood']],
    ['a bare carriage return', ['Authorization: Bearer x\rAuthorization: Bearer good']],
    ['a bare line feed', ['Authorization: Bearer x\nAuthorization: Bearer good']],
  ])('J3: in a field that is none is answered as no request: %s (RFC 9112 §5)', async (_, fields) => {
    const answer = await api().attacked.answeredByGateway(() => send(fields))
    expect([answer.status, answer.body]).toEqual([400, '{"message":"Bad Request"}'])
  })
})
