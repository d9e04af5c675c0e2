import { describe, expect, it } from 'vitest'
import { basic, type Json } from '../flow/local-stack.ts'
import { AssertionClient, sharedAssertionClient } from './support/assertion-client.ts'
import { useAttackedStack } from './support/attacked-stack.ts'
import {
  type AssertionKey,
  assertionClaims,
  assertionKey,
  craftedAssertion,
  encode,
  jwtBearer,
  signSegments,
  signTexts,
} from './support/client-assertion.ts'
import { expectOAuthError } from './support/oauth-error.ts'

const attacked = useAttackedStack()
const anyClient = sharedAssertionClient(attacked)
const newClient = (key = assertionKey(), metadata: Json = {}) =>
  AssertionClient.register(attacked(), key, metadata)
const rsa = assertionKey('RS256')

/** Sends parameters in the order and number given, and an Authorization header where there is one. */
async function refusedForm(fields: [string, string][], authorization?: string) {
  const { tokenEndpoint } = attacked().stack.endpoints
  const body = new URLSearchParams([['grant_type', 'client_credentials'], ...fields])
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
  return attacked().refused('token.issue', () => fetch(tokenEndpoint, { method: 'POST', headers, body }))
}

async function expectInvalidRequest(fields: [string, string][], reason: string, authorization?: string) {
  const answer = await refusedForm(fields, authorization)
  expectOAuthError(answer, 400, 'invalid_request')
  expect(answer.event.reason).toBe(reason)
}

describe('the algorithm of an assertion', () => {
  it.each<[string, AssertionKey, (client: AssertionClient) => string]>([
    ['ES256 a key of RS256', assertionKey(), client => signedBy(client, rsa, 'RS256')],
    ['ES256 a key of EdDSA', assertionKey(), client => signedBy(client, assertionKey('EdDSA'), 'EdDSA')],
    ['ES256 its key as one of EdDSA', assertionKey(), client => signedBy(client, client.key, 'EdDSA')],
    ['ES256 its key as one of RS256', assertionKey(), client => signedBy(client, client.key, 'RS256')],
    ['RS256 its key in PS256', rsa, client => signedBy(client, { ...rsa, algorithm: 'PS256' }, 'PS256')],
    ['RS256 its key as one of ES256', rsa, client => signedBy(client, rsa, 'ES256')],
    [
      'PS256 its key in RS256',
      { ...rsa, algorithm: 'PS256', jwk: { ...rsa.jwk, alg: 'PS256' } },
      client => signedBy(client, rsa, 'RS256'),
    ],
    ['EdDSA a key of ES256', assertionKey('EdDSA'), client => signedBy(client, assertionKey(), 'ES256')],
  ])('F14: is the registered one: not for a client of %s (RFC 8725 §3.1)', async (_, key, make) => {
    const client = await newClient(key)
    await client.expectRefused(() => make(client), 'assertion_key_unknown')
    await client.expectAccepted()
  })

  it.each<[string, AssertionKey, AssertionKey]>([
    ['ES256 and another key of ES256', assertionKey(), assertionKey()],
    ['RS256 and a signature of PS256', rsa, { ...rsa, algorithm: 'PS256' }],
    ['RS256 and a signature of ES256', rsa, assertionKey()],
    ['ES256 and a signature of EdDSA', assertionKey(), assertionKey('EdDSA')],
  ])('F14: says nothing: a header of %s is a wrong signature (RFC 7515 §5.2)', async (_, key, signer) => {
    const client = await newClient(key)
    const make = () => signedBy(client, signer, key.algorithm)
    await client.expectRefused(make, 'assertion_signature_invalid')
  })

  it('F14: token_endpoint_auth_signing_alg decides where a key could do several (RFC 7591 §2)', async () => {
    const key = { ...rsa, algorithm: 'PS256' as const }
    const client = await newClient(key, { token_endpoint_auth_signing_alg: 'PS256' })
    await client.expectRefused(() => signedBy(client, rsa, 'RS256'), 'assertion_key_unknown')
    await client.expectAccepted()
  })
})

function signedBy(client: AssertionClient, key: AssertionKey, alg: string): string {
  const header = { alg, kid: client.key.kid }
  return signSegments(key, encode(JSON.stringify(header)), encode(JSON.stringify(client.claims())))
}

describe('the method of a client', () => {
  it('F15: is the registered one: a client with a secret has no assertions (RFC 7591 §2)', async () => {
    const secretClient = await attacked().stack.register()
    attacked().keepSecret(secretClient.client_secret)
    const any = await anyClient()
    const claims = () => assertionClaims(secretClient.client_id, any.issuer)
    for (const key of [any.key, rsa]) {
      // There is no key that could have signed it: the answer takes a decoy's time all the same.
      const make = () => craftedAssertion(key, claims())
      await any.expectRefused(make, 'auth_method_not_registered')
    }
  })

  it('F15: is the registered one: a client with keys has no secret, however it is sent (RFC 7591 §2)', async () => {
    const client = await newClient()
    for (const secret of ['x', client.clientId, 'undefined', 'cs_'.padEnd(46, 'A')]) {
      const credentials = { client_id: client.clientId, client_secret: secret }
      const inHeader = await refusedForm([], basic(credentials))
      const inBody = await refusedForm(Object.entries(credentials))
      for (const answer of [inHeader, inBody]) {
        expectOAuthError(answer, 401, 'invalid_client')
        expect(answer.event.reason).toBe('secret_wrong')
      }
    }
  })

  it('F15: is of no use to a disabled or deleted client, and nobody can tell (RFC 6749 §5.2)', async () => {
    const client = await newClient()
    const { stack } = attacked()
    const wrong = await client.expectRefused(
      () => client.crafted({ aud: 'x' }),
      'assertion_audience_mismatch',
    )
    await stack.admin('POST', `/clients/${client.clientId}/disable`)
    const disabled = await client.expectRefused(() => client.honest(), 'client_disabled')
    expect((await stack.admin('POST', `/clients/${client.clientId}/enable`)).status).toBe(200)
    await client.expectAccepted()
    expect((await stack.admin('DELETE', `/clients/${client.clientId}`)).status).toBe(204)
    const deleted = await client.expectRefused(() => client.honest(), 'client_unknown')
    expect(new Set([wrong, disabled, deleted].map(({ body }) => body)).size).toBe(1)
  })
})

describe('client_assertion_type', () => {
  it.each([
    'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    `${jwtBearer} `,
    ` ${jwtBearer}`,
    jwtBearer.toUpperCase(),
    `${jwtBearer}${jwtBearer}`,
    'jwt-bearer',
    '__proto__',
    'x'.repeat(8192),
  ])('F16: is jwt-bearer and nothing else: %s (RFC 7523 §2.2)', async type => {
    const assertion = await (await anyClient()).honest()
    attacked().keepSecret(assertion)
    await expectInvalidRequest(
      [
        ['client_assertion_type', type],
        ['client_assertion', assertion],
      ],
      'assertion_type_unsupported',
    )
  })

  it('F16: and client_assertion come together (RFC 7521 §4.2)', async () => {
    const assertion = await (await anyClient()).honest()
    attacked().keepSecret(assertion)
    const reason = 'assertion_incomplete'
    await expectInvalidRequest([['client_assertion_type', jwtBearer]], reason)
    await expectInvalidRequest([['client_assertion', assertion]], reason)
    await expectInvalidRequest(
      Object.entries({ client_assertion_type: jwtBearer, client_assertion: '' }),
      reason,
    )
    await expectInvalidRequest(
      Object.entries({ client_assertion_type: '', client_assertion: assertion }),
      reason,
    )
  })

  it.each(['client_assertion', 'client_assertion_type'])(
    'F16: a repeated %s is refused, whatever its values (RFC 6749 §3.2)',
    async name => {
      const client = await anyClient()
      const [first, second] = [await client.honest(), await client.honest()]
      attacked().keepSecret(first, second)
      const other = { client_assertion: second, client_assertion_type: jwtBearer }[name] ?? ''
      for (const value of [other, '', 'x']) {
        await expectInvalidRequest(
          [
            ['client_assertion_type', jwtBearer],
            ['client_assertion', first],
            [name, value],
          ],
          'parameter_repeated',
        )
      }
    },
  )
})

describe('an assertion beside other credentials', () => {
  it.each<[string, boolean, string | undefined, [string, string][]]>([
    ['the Basic scheme', true, 'Basic', []],
    ['the Bearer scheme', true, 'Bearer x', []],
    ['an empty header', true, '', []],
    ['a secret in the body', true, undefined, [['client_secret', 'x'.repeat(43)]]],
    ['the Basic scheme and a secret', true, 'Basic', [['client_secret', 'x']]],
    ['its type alone and the Basic scheme', false, 'Basic', []],
  ])('F18: is refused: %s (RFC 6749 §2.3)', async (_, isSent, authorization, more) => {
    const secretClient = await attacked().stack.register()
    const header = authorization === 'Basic' ? basic(secretClient) : authorization
    const assertion = await (await anyClient()).honest()
    attacked().keepSecret(assertion, secretClient.client_secret)
    const sent: [string, string][] = isSent ? [['client_assertion', assertion]] : []
    const fields: [string, string][] = [['client_assertion_type', jwtBearer], ...sent, ...more]
    await expectInvalidRequest(fields, 'credentials_repeated', header)
  })
})

describe('the typ of an assertion', () => {
  it.each([
    undefined,
    'JWT',
    'jwt',
    'application/jwt',
    'client-authentication+jwt',
    'Client-Authentication+JWT',
  ])('F17: may be %s (rfc7523bis §4)', async typ => {
    const client = await anyClient()
    await client.expectAccepted(() => client.crafted({}, { typ }))
  })
})

describe('the length of an assertion', () => {
  it('F19: is 4096 characters at most, and more is not parsed', async () => {
    const client = await anyClient()
    await client.expectAccepted(() => assertionOf(client, 4096))
    for (const length of [4097, 4098, 12_000]) {
      const assertion = assertionOf(client, length)
      attacked().keepSecret(assertion)
      const fields = Object.entries({ client_assertion_type: jwtBearer, client_assertion: assertion })
      await expectInvalidRequest(fields, 'assertion_too_long')
    }
    const garbage = { client_assertion_type: jwtBearer, client_assertion: 'x'.repeat(4097) }
    await expectInvalidRequest(Object.entries(garbage), 'assertion_too_long')
  })

  it('F19: counts in a body that is 16 KiB at most', async () => {
    const form = { client_assertion_type: jwtBearer, client_assertion: 'x'.repeat(20_000) }
    await expectInvalidRequest(Object.entries(form), 'body_too_large')
  })
})

/** An honest assertion of so many characters: base64url has no text of 4n + 1, which white space makes up for. */
function assertionOf(client: AssertionClient, length: number): string {
  const claims = JSON.stringify(client.claims({ padding: '' }))
  for (const space of ['', ' ', '  ']) {
    const header = `${JSON.stringify({ alg: 'ES256', kid: client.key.kid })}${space}`
    const segment = length - encode(header).length - '..'.length - encode(Buffer.alloc(64)).length
    const payload = claims.replace(/"}$/, `${'x'.repeat(Math.floor((segment * 3) / 4) - claims.length)}"}`)
    const assertion = signTexts(client.key, header, payload)
    if (assertion.length === length) return assertion
  }
  throw new Error(`no assertion has ${length} characters`)
}
