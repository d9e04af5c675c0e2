import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { SignatureSelfCheckError } from '../../../lambda/oauth/access-token.ts'
import type { Client } from '../../../lambda/oauth/client.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import {
  basicHeader,
  client,
  formRequest,
  newTokenEndpoint,
  otherSecret,
  secret,
  storedSecret,
} from './support/token-endpoint.ts'
import { audience, clientId, issuer, nowSeconds, publicJwk } from './support/token-maker.ts'

const grantType = { grant_type: 'client_credentials' }
const good = formRequest(grantType, basicHeader(clientId, secret))

describe('a token request', () => {
  it('is answered with a token that jose verifies (RFC 6749 §5.1, RFC 9068 §2)', async () => {
    const { response, facts } = await newTokenEndpoint().request(good)
    expect(response.status).toBe(200)
    expect(response.headers).toEqual({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    })
    const { access_token, ...rest } = JSON.parse(response.body)
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 600, scope: 'orders:read orders:write' })
    const keys = createLocalJWKSet({ keys: [publicJwk] })
    const expected = { issuer, audience, typ: 'at+jwt', currentDate: new Date(nowSeconds * 1000) }
    const { payload } = await jwtVerify(access_token, keys, expected)
    expect(payload).toEqual({
      iss: issuer,
      sub: clientId,
      client_id: clientId,
      aud: audience,
      scope: 'orders:read orders:write',
      iat: nowSeconds,
      exp: nowSeconds + 600,
      jti: 'token-id',
    })
    expect(facts).toEqual({ clientId, audience, scope: 'orders:read orders:write', jti: 'token-id' })
  })

  it('reads the client once, signs once, and notes the secret last', async () => {
    const { request, calls } = newTokenEndpoint()
    await request(good)
    expect(calls).toEqual([
      'findClient',
      'findResourceServer',
      'findSigningKeys',
      'sign',
      'recordSecretUse secret-1',
    ])
  })

  it('starts a token after the client’s moment, with its whole lifetime', async () => {
    const revoked = { ...client, tokensRevokedUpTo: nowSeconds + 6, accessTokenLifetimeSeconds: 60 }
    const { response } = await newTokenEndpoint(revoked).request(good)
    const payload = JSON.parse(
      Buffer.from(JSON.parse(response.body).access_token.split('.')[1], 'base64url').toString(),
    )
    expect([payload.iat, payload.exp]).toEqual([nowSeconds + 7, nowSeconds + 67])
  })

  it('grants the wanted part of the registered scope, or nothing (RFC 6749 §3.3)', async () => {
    const ask = async (scope: string) => {
      const http = formRequest({ ...grantType, scope }, basicHeader(clientId, secret))
      const { response, reason } = await newTokenEndpoint().request(http)
      return response.status === 200 ? JSON.parse(response.body).scope : reason
    }
    expect(await ask('orders:write')).toBe('orders:write')
    expect(await ask('orders:write orders:write')).toBe('orders:write')
    expect(await ask('orders:write admin')).toBe('scope_not_granted')
    expect(await ask('constructor')).toBe('scope_not_granted')
    expect(await ask(' orders:write')).toBe('scope_malformed')
  })
})

describe('a request that cannot be authenticated', () => {
  const disabled: Client = { ...client, status: 'disabled' }
  const expired: Client = { ...client, secrets: [{ ...storedSecret, expiresAt: nowSeconds }] }
  const post: Client = { ...client, tokenEndpointAuthMethod: 'client_secret_post' }
  const failures: [string, Client | 'malformed' | 'unknown', string][] = [
    ['client_unknown', 'unknown', secret],
    ['client_disabled', disabled, secret],
    ['secret_wrong', client, otherSecret],
    ['secret_wrong', client, `${secret}x`],
    ['secret_wrong', client, 'x'.repeat(1_000)],
    ['secret_wrong', { ...client, secrets: [] }, secret],
    ['secret_expired', expired, secret],
    ['auth_method_not_registered', post, secret],
    ['client_record_invalid', 'malformed', secret],
  ]

  it('is one answer after the same work, whatever the reason (RFC 6749 §5.2)', async () => {
    const answers = []
    for (const [expected, found, text] of failures) {
      const { request, calls } = newTokenEndpoint(found)
      const { response, reason } = await request(formRequest(grantType, basicHeader(clientId, text)))
      expect([reason, calls]).toEqual([expected, ['findClient', 'recordFailure']])
      answers.push(response)
    }
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toEqual({
      status: 401,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        pragma: 'no-cache',
        'www-authenticate': 'Basic realm="countersign", charset="UTF-8"',
      },
      body: '{"error":"invalid_client","error_description":"client authentication failed"}',
    })
  })

  it('names a client in the audit event only when it is registered', async () => {
    const unknown = await newTokenEndpoint('unknown').request(good)
    const disabledOne = await newTokenEndpoint(disabled).request(good)
    expect([unknown.facts, disabledOne.facts]).toEqual([{}, { clientId }])
  })

  it('is authenticated by either of two live secrets', async () => {
    const both = { ...client, secrets: [{ ...storedSecret, digest: new Uint8Array(32) }, storedSecret] }
    expect((await newTokenEndpoint(both).request(good)).response.status).toBe(200)
  })

  it('asks the store for nothing that is no client identifier', async () => {
    for (const id of ['a#b', 'CLIENT#a', ' ', 'x'.repeat(65), 'é']) {
      const { request, calls } = newTokenEndpoint()
      const { response } = await request(formRequest(grantType, basicHeader(encodeURIComponent(id), secret)))
      expect([response.status, calls]).toEqual([401, []])
    }
  })
})

describe('credentials in the request', () => {
  it.each([
    [
      'a repeated header',
      `${basicHeader(clientId, secret)}, ${basicHeader(clientId, secret)}`,
      {},
      'authorization_repeated',
    ],
    [
      'a secret in the body as well',
      basicHeader(clientId, secret),
      { client_secret: secret },
      'credentials_repeated',
    ],
    [
      'an assertion as well',
      basicHeader(clientId, secret),
      { client_assertion: 'x' },
      'credentials_repeated',
    ],
    ['another client_id', basicHeader(clientId, secret), { client_id: 'other' }, 'client_id_mismatch'],
    ['a malformed escape', basicHeader(clientId, '%zz'), {}, 'parameter_malformed'],
    ['a NUL', basicHeader(clientId, '%00'), {}, 'parameter_malformed'],
    ['no scheme', 'abc', {}, 'credentials_malformed'],
    ['base64url', `Basic ${Buffer.from('??>>:x').toString('base64url')}`, {}, 'credentials_malformed'],
    ['wrong padding', `${basicHeader(clientId, secret)}=`, {}, 'credentials_malformed'],
    ['two tokens', 'Basic YTpi YTpi', {}, 'credentials_malformed'],
    ['no colon', `Basic ${Buffer.from('abc').toString('base64')}`, {}, 'credentials_malformed'],
    ['no id', basicHeader('', secret), {}, 'credentials_malformed'],
    ['no secret', basicHeader(clientId, ''), {}, 'credentials_malformed'],
    ['a line break', basicHeader(clientId, 'a\r\nb'), {}, 'credentials_malformed'],
    ['nothing', undefined, {}, 'credentials_missing'],
    ['an identifier alone', undefined, { client_id: clientId }, 'credentials_missing'],
  ])('are refused with %s (RFC 6749 §2.3, RFC 7617 §2)', async (_, authorization, more, expected) => {
    const { reason } = await newTokenEndpoint().request(formRequest({ ...grantType, ...more }, authorization))
    expect(reason).toBe(expected)
  })

  it('are form-decoded once and split at the first colon (RFC 6749 §2.3.1)', async () => {
    const { parseBasicCredentials } = await import('../../../lambda/oauth/basic-credentials.ts')
    expect(parseBasicCredentials(basicHeader('id', 'a:b:c'))).toEqual({
      clientId: 'id',
      clientSecret: 'a:b:c',
    })
    expect(parseBasicCredentials(basicHeader('i%3Ad', '%2525+x%2B'))).toEqual({
      clientId: 'i:d',
      clientSecret: '%25 x+',
    })
    expect(parseBasicCredentials(`bAsIc ${Buffer.from('a:b').toString('base64')}`)).toEqual({
      clientId: 'a',
      clientSecret: 'b',
    })
  })
})

describe('a dependency that fails', () => {
  it('is 503 with Retry-After for the store and the key, 500 for a wrong signature; no token leaves', async () => {
    const unavailable = async () => {
      throw new Unavailable('kms')
    }
    const { endpoint, request } = newTokenEndpoint()
    Object.assign(endpoint, { sign: unavailable })
    const first = await request(good)
    expect([first.response.status, first.response.headers['retry-after'], first.reason]).toEqual([
      503,
      '1',
      'signing_unavailable',
    ])
    expect(JSON.parse(first.response.body).error).toBe('temporarily_unavailable')
    Object.assign(endpoint, {
      sign: async () => {
        throw new SignatureSelfCheckError()
      },
    })
    const second = await request(good)
    expect([second.response.status, second.reason]).toEqual([500, 'signature_invalid'])
  })
})
