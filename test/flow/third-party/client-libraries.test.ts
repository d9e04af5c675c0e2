import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { describe, expect, it } from 'vitest'
import { orders, payments, type RegisteredClient, useLocalStack } from '../local-stack.ts'
import { untilRefused } from '../until-refused.ts'
import { useDocumentedPrograms } from './documented-program.ts'

const stack = useLocalStack()
const programs = useDocumentedPrograms()
const insecure = { [oauth.allowInsecureRequests]: true }
const bothResources = [
  { resource: orders, scope: 'orders:read orders:write' },
  { resource: payments, scope: 'payments:read' },
]

async function discover(algorithm: 'oauth2' | 'oidc'): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(stack().endpoints.issuer)
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure })
  return oauth.processDiscoveryResponse(issuer, response)
}

interface Library {
  token(registered: RegisteredClient, parameters?: Record<string, string>): Promise<TokenResponse>
  revoke(registered: RegisteredClient, token: string): Promise<void>
  errors: {
    ResponseBodyError: typeof oauth.ResponseBodyError
    WWWAuthenticateChallengeError: typeof oauth.WWWAuthenticateChallengeError
  }
}
type TokenResponse = oauth.TokenEndpointResponse
type Method = 'client_secret_basic' | 'client_secret_post'

function openidClient(algorithm: 'oauth2' | 'oidc', method: Method): Library {
  const authenticate = {
    client_secret_basic: openid.ClientSecretBasic,
    client_secret_post: openid.ClientSecretPost,
  }
  const configure = (registered: RegisteredClient) =>
    openid.discovery(
      new URL(stack().endpoints.issuer),
      registered.client_id,
      undefined,
      authenticate[method](registered.client_secret),
      { algorithm, execute: [openid.allowInsecureRequests] },
    )
  return {
    token: async (registered, parameters) =>
      openid.clientCredentialsGrant(await configure(registered), parameters),
    revoke: async (registered, token) => openid.tokenRevocation(await configure(registered), token),
    errors: openid,
  }
}

function oauth4webapi(algorithm: 'oauth2' | 'oidc', method: Method): Library {
  const authenticate = {
    client_secret_basic: oauth.ClientSecretBasic,
    client_secret_post: oauth.ClientSecretPost,
  }
  const credentials = (registered: RegisteredClient) =>
    [{ client_id: registered.client_id }, authenticate[method](registered.client_secret)] as const
  return {
    async token(registered, parameters = {}) {
      const server = await discover(algorithm)
      const client = credentials(registered)
      const response = await oauth.clientCredentialsGrantRequest(server, ...client, parameters, insecure)
      return oauth.processClientCredentialsResponse(server, client[0], response)
    },
    async revoke(registered, token) {
      const server = await discover(algorithm)
      const response = await oauth.revocationRequest(server, ...credentials(registered), token, insecure)
      return oauth.processRevocationResponse(response)
    },
    errors: oauth,
  }
}

describe.each([
  { name: 'openid-client', make: openidClient },
  { name: 'oauth4webapi', make: oauth4webapi },
])('$name', ({ make }) => {
  describe.each([
    ['oauth2', 'client_secret_basic'],
    ['oauth2', 'client_secret_post'],
    ['oidc', 'client_secret_basic'],
    ['oidc', 'client_secret_post'],
  ] as const)('that discovers by %s and authenticates by %s', (algorithm, method) => {
    const register = () => stack().register({ token_endpoint_auth_method: method, grants: bothResources })

    it('gets a token for the scope and resource it asks for (RFC 6749 §4.4, RFC 8707 §2)', async () => {
      const client = await register()
      const token = await make(algorithm, method).token(client, { scope: 'orders:read', resource: orders })
      expect(token).toEqual({
        access_token: expect.any(String),
        token_type: 'bearer',
        expires_in: stack().accessTokenLifetimeSeconds,
        scope: 'orders:read',
      })
      const { iss, aud, sub } = decodeJwt(token.access_token)
      expect([iss, aud, sub]).toEqual([stack().endpoints.issuer, orders, client.client_id])
      expect(await stack().call('GET', stack().url('orders', '/orders'), token.access_token)).toBe(200)
    })

    it('sees a wrong secret as a challenge to authenticate (RFC 6749 §5.2)', async () => {
      const { errors, token, revoke } = make(algorithm, method)
      const client = { ...(await register()), client_secret: 'wrong' }
      for (const request of [() => token(client, { resource: orders }), () => revoke(client, 'a.b.c')]) {
        const error = await request().catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(errors.WWWAuthenticateChallengeError)
        expect(error).toMatchObject({
          code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
          status: 401,
          cause: [{ scheme: 'basic', parameters: { realm: 'countersign', charset: 'UTF-8' } }],
        })
      }
    })

    it.each([
      ['invalid_scope', { scope: 'orders:read admin', resource: orders }],
      ['invalid_scope', { scope: 'payments:read', resource: orders }],
      ['invalid_target', { resource: 'https://other.example.com' }],
      ['invalid_target', {}],
    ])('sees %s for %j as the error response that it is (RFC 6749 §5.2)', async (code, parameters) => {
      const { errors, token } = make(algorithm, method)
      const error = await token(await register(), parameters).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(errors.ResponseBodyError)
      expect(error).toMatchObject({ code: 'OAUTH_RESPONSE_BODY_ERROR', status: 400, error: code })
    })
  })

  it('is refused when it authenticates by the other method than its own (RFC 7591 §2)', async () => {
    const client = await stack().register({ token_endpoint_auth_method: 'client_secret_post' })
    const { errors, token } = make('oauth2', 'client_secret_basic')
    await expect(token(client)).rejects.toBeInstanceOf(errors.WWWAuthenticateChallengeError)
  })

  it('may not revoke the token of another client (RFC 7009 §2.1)', async () => {
    const { errors, token, revoke } = make('oauth2', 'client_secret_basic')
    const { access_token } = await token(await stack().register())
    const error = await revoke(await stack().register(), access_token).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(errors.ResponseBodyError)
    expect(error).toMatchObject({ error: 'unauthorized_client', status: 400 })
  })
})

describe.concurrent('a token that is revoked through', () => {
  it.each([
    { name: 'openid-client', make: openidClient },
    { name: 'oauth4webapi', make: oauth4webapi },
  ])('$name is refused within the promised delay (RFC 7009 §2.2)', async ({ make }) => {
    const client = await stack().register()
    const { token, revoke } = make('oauth2', 'client_secret_basic')
    const [revoked, kept] = [await token(client), await token(client)]
    // What is no token of this server is as good as revoked.
    await expect(revoke(client, 'not-a-token')).resolves.toBeUndefined()
    const url = stack().url('orders', '/orders')
    expect(await stack().call('GET', url, revoked.access_token)).toBe(200)
    await expect(revoke(client, revoked.access_token)).resolves.toBeUndefined()
    expect(await untilRefused(stack(), url, revoked.access_token)).toBe(401)
    expect(await stack().call('GET', url, kept.access_token)).toBe(200)
  })
})

describe('oauth4webapi as a resource server', () => {
  it('accepts a token for its audience and refuses one for another (RFC 9068 §4)', async () => {
    const client = await stack().register({ grants: bothResources })
    const server = await discover('oauth2')
    const validate = async (resource: string) => {
      const authorization = `Bearer ${await stack().token(client, { resource })}`
      const request = new Request('https://orders.example.com/orders', { headers: { authorization } })
      return oauth.validateJwtAccessToken(server, request, orders, insecure)
    }
    const claims = await validate(orders)
    expect([claims.client_id, claims.scope]).toEqual([client.client_id, 'orders:read orders:write'])
    await expect(validate(payments)).rejects.toMatchObject({ code: oauth.JWT_CLAIM_COMPARISON })
  })
})

describe('the documented program for', () => {
  it.each(['openid-client', 'oauth4webapi'])('%s gets a token that an API lets in', async program => {
    const client = await stack().register({ grants: bothResources })
    const { code, out, err } = await programs.run(program, settingsOf(client))
    expect([code, err]).toEqual([0, ''])
    const [, token, expiresIn] = /^(\S+) (\d+)\n$/.exec(out) ?? []
    expect(expiresIn).toBe('600')
    expect(await stack().call('GET', stack().url('orders', '/orders'), token)).toBe(200)
  })

  it('curl gets a token that an API lets in, and fails with the error of a refusal', async () => {
    const client = await stack().register({ grants: bothResources })
    const { code, out, err } = await programs.run('curl', settingsOf(client))
    expect([code, err]).toEqual([0, ''])
    const { access_token: token } = JSON.parse(out) as { access_token: string }
    expect(await stack().call('GET', stack().url('orders', '/orders'), token)).toBe(200)
    const refused = await programs.run('curl', settingsOf({ ...client, client_secret: 'wrong' }))
    expect(refused.code).toBe(22)
    expect(JSON.parse(refused.out)).toMatchObject({ error: 'invalid_client' })
  })
})

function settingsOf({ client_id, client_secret }: RegisteredClient): Record<string, string> {
  return { ISSUER: stack().endpoints.issuer, CLIENT_ID: client_id, CLIENT_SECRET: client_secret }
}
