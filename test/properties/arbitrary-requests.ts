import { type KeyObject, sign } from 'node:crypto'
import fc from 'fast-check'
import { derToJoseLowS } from '../../lambda/oauth/ecdsa-signature.ts'
import { issuer, ordersAudience } from '../lambda/support/client-item.ts'
import { authorizerEvent } from '../lambda/support/http-event.ts'
import { nowSeconds } from '../lambda/support/recorded-lines.ts'
import { signingKeyPair } from '../lambda/support/signing-key-pair.ts'
import { type Edit, singleEdit, stretchEdit } from './arbitrary-edits.ts'
import { anyJson, anyText } from './arbitrary-json.ts'
import { anySpelling, jsonRespelling, segmentRespelling, signatureRespelling } from './token-respellings.ts'

const active = signingKeyPair()
const retiring = signingKeyPair({ state: 'retiring', verifyUntil: nowSeconds + 300 })
const revoked = signingKeyPair({ state: 'revoked' })
const unknown = signingKeyPair()

/** The ring of the server: of another key it knows nothing. */
export const ringKeys = [active.key, retiring.key, revoked.key]

/** Who signs, and the identifier of the key that is named. */
const signers: readonly { kid: string; privateKey: KeyObject }[] = [
  ...[...Array(12).fill(active), retiring, revoked, unknown].map(({ key, privateKey }) => ({
    kid: key.kid,
    privateKey,
  })),
  { kid: active.key.kid, privateKey: unknown.privateKey },
]

export const clientIds = ['nightly-export', 'billing']

const goodHeader = { alg: 'ES256', typ: 'at+jwt' }

const otherHeaders: readonly object[] = [
  { alg: 'none' },
  { alg: 'HS256' },
  { typ: 'JWT' },
  { typ: 'AT+JWT' },
  { typ: 'application/at+jwt' },
  { typ: undefined },
  { kid: undefined },
  { crit: ['x'], x: 1 },
  { b64: false },
  { jwk: unknown.key.publicJwk },
]

const goodClaims = fc.record({
  iss: fc.constant(issuer),
  clientId: fc.constantFrom(...clientIds),
  aud: fc.constant(ordersAudience),
  scope: fc.constantFrom(
    'orders:read',
    'orders:write orders:read',
    'orders:read admin',
    'admin',
    'orders:READ',
    '',
  ),
  iat: fc.integer({ min: nowSeconds - 300, max: nowSeconds + 10 }),
  lifetime: fc.constantFrom(60, 300, 600, 3600),
  jti: fc.constantFrom('token-1', 'token-2', 'token-3'),
})

/** Thousands of brackets in a claim, which nobody issues, are more than aws-jwt-verify has stack for: it refuses them. */
const shallowJson = anyJson.filter(value => !JSON.stringify(value).startsWith('['.repeat(500)))

const otherClaims: fc.Arbitrary<object> = fc.oneof(
  fc.constantFrom<object>(
    { iss: 'https://other.example.com' },
    { iss: `${issuer}/` },
    { aud: 'https://payments.example.com' },
    { aud: [ordersAudience] },
    { aud: undefined },
    { sub: 'somebody-else' },
    { sub: undefined },
    { client_id: undefined },
    { client_id: 'a#b', sub: 'a#b' },
    { scope: undefined },
    { scope: ['orders:read'] },
    { scope: 'orders:read orders:read' },
    { scope: ' orders:read' },
    { scope: 'orders:read\torders:write' },
    { exp: undefined },
    { exp: String(nowSeconds + 60) },
    { exp: nowSeconds + 0.5 },
    { exp: nowSeconds },
    { exp: nowSeconds + 1 },
    { exp: nowSeconds + 3601 },
    { iat: undefined },
    { iat: nowSeconds + 11, exp: nowSeconds + 600 },
    { iat: -1 },
    { nbf: nowSeconds + 10 },
    { nbf: nowSeconds + 11 },
    { nbf: null },
    { jti: undefined },
    { jti: '' },
    { jti: 'a#b' },
    { cnf: { jkt: 'x' } },
    { act: { sub: 'x' } },
    { padding: 'x'.repeat(6000) },
  ),
  fc
    .tuple(fc.constantFrom('iss', 'sub', 'aud', 'scope', 'iat', 'exp', 'nbf', 'jti', 'more'), shallowJson)
    .map(entry => Object.fromEntries([entry])),
)

const unchanged: Edit = text => text

/** Mostly nothing, or else one of some. */
const perhaps = <Value>(nothing: Value, some: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(nothing) }, { weight: 1, arbitrary: some })

/** Tokens, about half of them good at the time when all begins: most others have one thing wrong. */
export const anyToken: fc.Arbitrary<string> = fc
  .record({
    signer: fc.constantFrom(...signers),
    claims: goodClaims,
    headerChange: perhaps<object>({}, fc.constantFrom(...otherHeaders)),
    claimsChange: perhaps<object>({}, otherClaims),
    respellJson: perhaps(unchanged, jsonRespelling),
    respell: perhaps(
      unchanged,
      fc.oneof(segmentRespelling, signatureRespelling, anySpelling, singleEdit, stretchEdit),
    ),
  })
  .map(({ signer, claims: { clientId, lifetime, ...claims }, ...changes }) => {
    const header = { ...goodHeader, kid: signer.kid, ...changes.headerChange }
    const payload = {
      ...{ ...claims, sub: clientId, client_id: clientId, exp: claims.iat + lifetime },
      ...changes.claimsChange,
    }
    const texts = [JSON.stringify(header), changes.respellJson(JSON.stringify(payload))]
    const input = texts.map(text => Buffer.from(text).toString('base64url')).join('.')
    const signature = derToJoseLowS(sign('sha256', Buffer.from(input), signer.privateKey))
    return changes.respell(`${input}.${Buffer.from(signature ?? []).toString('base64url')}`)
  })

export const routes = {
  'GET /orders': { allOf: ['orders:read'] },
  'POST /orders': { allOf: ['orders:read', 'orders:write'] },
  'GET /orders/{id}': { anyOf: ['orders:read', 'admin'] },
} as const

const routeKey = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('GET /orders', 'POST /orders', 'GET /orders/{id}') },
  fc.constantFrom('get /orders', 'GET /orders/', 'GET /orders/1', 'ANY /orders', '$default', '__proto__', ''),
  anyText,
)

/** An Authorization header with a token, as it must be or otherwise. */
export const anyAuthorization = fc.oneof(
  { weight: 8, arbitrary: fc.constant((token: string) => `Bearer ${token}`) },
  fc.constantFrom<Edit>(
    token => `bearer ${token}`,
    token => `BEARER ${token}`,
    token => token,
    token => `Bearer  ${token}`,
    token => `Bearer\t${token}`,
    token => `DPoP ${token}`,
    token => `Basic ${token}`,
    token => `Bearer ${token},Bearer ${token}`,
    token => ` Bearer ${token}`,
    () => '',
  ),
)

/** Other events than the gateway sends, made of the one that it does. */
const otherEvent = fc.oneof(
  fc.constantFrom<(event: ReturnType<typeof authorizerEvent>) => unknown>(
    event => ({ ...event, version: '1.0' }),
    event => ({ ...event, version: 2 }),
    event => ({ ...event, type: 'TOKEN', authorizationToken: event.headers.authorization }),
    event => ({ ...event, routeKey: undefined }),
    event => ({ ...event, routeKey: [event.routeKey] }),
    event => ({ ...event, headers: undefined }),
    event => ({ ...event, headers: null }),
    event => ({ ...event, headers: [event.headers] }),
    event => ({ ...event, headers: { Authorization: event.headers.authorization } }),
    event => ({ ...event, headers: { 'x-authorization': event.headers.authorization } }),
    event => ({ ...event, headers: { authorization: [event.headers.authorization] } }),
    event => ({
      ...event,
      headers: {},
      queryStringParameters: { access_token: event.headers.authorization },
    }),
    event => ({ ...event, requestContext: undefined }),
    event => ({ ...event, requestContext: { http: null } }),
    event => ({ ...event, rawPath: '/orders/../admin', pathParameters: { id: event.headers.authorization } }),
    event => [event],
    event => JSON.stringify(event),
  ),
  anyJson.map(value => () => value),
)

/** A request with one of some tokens: the event of the authorizer, as the gateway sends it or otherwise. */
export const anyRequest = fc
  .record({ routeKey, authorizationOf: anyAuthorization, change: perhaps<unknown>(undefined, otherEvent) })
  .map(({ routeKey: key, authorizationOf: write, change }) => (token: string): unknown => {
    const event = authorizerEvent(key, write(token))
    return typeof change === 'function' ? change(event) : event
  })
