import { describe, expect, it } from 'vitest'
import { isLowS } from '../../lambda/oauth/ecdsa-signature.ts'
import { type Json, orders } from '../flow/local-stack.ts'
import { AssertionClient, sharedAssertionClient } from './support/assertion-client.ts'
import { embeddedKey, headerRow, type Row, textRow } from './support/assertion-rows.ts'
import { useAttackedStack } from './support/attacked-stack.ts'
import { type AssertionKey, assertionKey, craftedAssertion, segmentsOf } from './support/client-assertion.ts'
import { expectOAuthError } from './support/oauth-error.ts'

const attacked = useAttackedStack()
const anyClient = sharedAssertionClient(attacked)
const newClient = (key = assertionKey()) => AssertionClient.register(attacked(), key)

const attacker = assertionKey('ES256', 'attacker')
const jwk = embeddedKey(attacker)

/** Signed by the attacker's key, which the header brings along or points to. */
const attackerRow = (what: string, header: Record<string, unknown>): Row => [
  what,
  client => craftedAssertion(attacker, client.claims(), header),
]

const rows: Row[] = [
  headerRow('A19: crit names an extension that is there', { crit: ['x'], x: 1 }),
  headerRow('A19: crit names exp', { crit: ['exp'], exp: 9_999_999_999 }),
  headerRow('A20: crit is empty', { crit: [] }),
  headerRow('A20: crit is a string', { crit: 'b64' }),
  headerRow('A20: crit names what is not there', { crit: ['x'] }),
  headerRow('A20: crit names alg', { crit: ['alg'] }),
  headerRow('A20: crit is null', { crit: null }),
  headerRow('A22: b64 is false', { b64: false }),
  headerRow('A22: b64 is false and critical', { b64: false, crit: ['b64'] }),
  headerRow('A22: b64 is true', { b64: true }),
  attackerRow('A23: an embedded jwk', { jwk }),
  attackerRow('A23: an embedded jwk and the kid of the client', { jwk, kid: 'key-1' }),
  attackerRow('A23: an embedded jwk and no kid', { jwk, kid: undefined }),
  attackerRow('A24: a jku', { jku: 'http://127.0.0.1:9/jwks.json' }),
  attackerRow('A24: an x5u', { x5u: 'http://127.0.0.1:9/chain.pem' }),
  attackerRow('A25: an x5c', { x5c: ['MIIB'] }),
  headerRow('A25: an x5t', { x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' }),
  headerRow('A25: an x5t#S256', { 'x5t#S256': 'A'.repeat(43) }),
  headerRow('A31: a cty', { cty: 'JWT' }),
  headerRow('A31: a zip', { zip: 'DEF' }),
  headerRow('A31: an enc', { enc: 'A256GCM' }),
  headerRow('A31: any other member', { nonce: 'x' }),
  headerRow('A31: a member with the name of nothing', { '': 'x' }),
  textRow(
    'A31: a member with the name of a prototype',
    '{"alg":"ES256","kid":"key-1","__proto__":{"typ":"JWT"}}',
  ),
  ...['../../dev/null', '/proc/self/environ', "' OR 1=1--", 'a;id', '$(id)', 'a b', 'key-1\u0000'].map(
    (kid): Row => headerRow(`A26: kid ${JSON.stringify(kid)}`, { kid }),
  ),
  ...['key-1\n', '🔑', 'k'.repeat(129), 'k'.repeat(2000), '', null, 1, true, ['key-1'], { kid: 'key-1' }].map(
    (kid): Row => headerRow(`A26: kid ${JSON.stringify(kid).slice(0, 40)}`, { kid }),
  ),
  ...['at+jwt', 'application/at+jwt', 'id_token', 'dpop+jwt', 'secevent+jwt', 'JWS', 'JOSE', 'jwt '].map(
    (typ): Row => headerRow(`A41: typ ${JSON.stringify(typ)}`, { typ }),
  ),
  ...[
    'client-authentication+jwt+x',
    'x-client-authentication+jwt',
    'application/',
    '',
    null,
    1,
    ['JWT'],
    {},
  ].map((typ): Row => headerRow(`A41: typ ${JSON.stringify(typ)}`, { typ })),
]

describe('the header of an assertion', () => {
  it.each(rows)('%s (RFC 7515 §4)', async (_, make) => {
    const client = await anyClient()
    await client.expectRefused(() => make(client), 'assertion_malformed')
  })

  it('A26: with a kid of 8 KiB it is too long to be parsed', async () => {
    const client = await anyClient()
    const send = () => client.requestToken(client.crafted({}, { kid: 'k'.repeat(8192) }))
    const answer = await attacked().refused('token.issue', send)
    expectOAuthError(answer, 400, 'invalid_request')
    expect(answer.event.reason).toBe('assertion_too_long')
  })
})

describe('the key that an assertion names', () => {
  it.each([
    '__proto__',
    'constructor',
    'toString',
    '..',
    '-',
    'KEY-1',
    'key-10',
    'key',
    'undefined',
    'k'.repeat(128),
  ])('A26: is one of the client: not %s (RFC 8725 §3.10)', async kid => {
    const client = await anyClient()
    await client.expectRefused(() => client.crafted({}, { kid }), 'assertion_key_unknown')
  })

  it('A27: must be named where there are several (RFC 7515 §4.1.4)', async () => {
    const [first, second] = [assertionKey('ES256', 'key-1'), assertionKey('ES256', 'key-2')]
    const client = await AssertionClient.register(attacked(), first, {
      jwks: { keys: [first.jwk, second.jwk] },
    })
    const make =
      (key = first, header = {}) =>
      () =>
        craftedAssertion(key, client.claims(), header)
    for (const key of [first, second]) {
      await client.expectAccepted(make(key))
      await client.expectRefused(make(key, { kid: undefined }), 'assertion_key_unknown')
    }
    await client.expectRefused(make(first, { kid: 'key-2' }), 'assertion_signature_invalid')
    await client.expectRefused(make(second, { kid: 'key-1' }), 'assertion_signature_invalid')
  })

  it('A28: is no key that was replaced, from the next request on (RFC 7592 §2.2)', async () => {
    const { stack } = attacked()
    const [old, next] = [assertionKey('ES256', 'key-1'), assertionKey('ES256', 'key-2')]
    const client = await AssertionClient.register(attacked(), old)
    await client.expectAccepted()
    const body = {
      client_name: 'rotated',
      grants: [{ resource: orders, scope: 'orders:read' }],
      token_endpoint_auth_method: 'private_key_jwt',
      version: client.version,
    }
    const update = { ...body, jwks: { keys: [next.jwk] } }
    expect((await stack.admin('PUT', `/clients/${client.clientId}`, update)).status).toBe(200)
    await client.expectRefused(() => client.honest(), 'assertion_key_unknown')
    const asNext = () => craftedAssertion(old, client.claims(), { kid: 'key-2' })
    await client.expectRefused(asNext, 'assertion_signature_invalid')
    await client.expectAccepted(() => craftedAssertion(next, client.claims()))
  })

  it('A28: is no key of another purpose: neither the server’s nor the client’s own elsewhere', async () => {
    const { stack } = attacked()
    const client = await newClient()
    const { keys } = (await (await fetch(stack.endpoints.jwksUri)).json()) as { keys: { kid: string }[] }
    for (const { kid } of keys) {
      await client.expectRefused(() => client.crafted({}, { kid }), 'assertion_key_unknown')
    }
    const issued = await (await client.requestToken(await client.honest())).json()
    const { access_token: token } = issued as { access_token: string }
    await client.expectRefused(() => token, 'assertion_malformed')

    for (const [header, reason] of [
      [{}, 'token_header_refused'],
      [{ typ: 'at+jwt' }, 'key_unknown'],
      [{ kid: undefined, typ: 'at+jwt' }, 'token_header_refused'],
    ] as const) {
      const claims = client.claims({ client_id: client.clientId, aud: orders, scope: 'orders:read' })
      const headers = { authorization: `Bearer ${withLowS(client.key, claims, header)}` }
      const send = () => fetch(stack.url('orders', '/orders'), { headers })
      const answer = await attacked().refused('api.authorize', send)
      expect([answer.status, answer.event.reason]).toEqual([401, reason])
    }
  })
})

/** An assertion whose signature has the form that access tokens must have. */
function withLowS(key: AssertionKey, claims: Json, header: Json): string {
  for (;;) {
    const assertion = craftedAssertion(key, claims, header)
    const signature = Buffer.from(segmentsOf(assertion)[2], 'base64url')
    if (isLowS(signature.subarray(32))) return assertion
  }
}

describe('the method that an assertion belongs to', () => {
  it('A41: an assertion is no grant: jwt-bearer is not supported (RFC 7521 §4.1)', async () => {
    const client = await newClient()
    const assertion = await client.honest()
    const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
    const send = () => client.requestToken(assertion, { grant_type: grantType, assertion })
    const answer = await attacked().refused('token.issue', send)
    expectOAuthError(answer, 400, 'unsupported_grant_type')
  })
})
