import { describe, expect, it } from 'vitest'
import { useLocalStack } from './local-stack.ts'
import { audience, synthesisedRestApi } from './rest-api-stack.ts'
import { untilRefused } from './until-refused.ts'

describe('a REST API', () => {
  const stack = useLocalStack(synthesisedRestApi)
  const url = (path: string) => stack().url('library', path)
  const register = () =>
    stack().register({ grants: [{ resource: audience, scope: 'books:read books:write books:admin' }] })
  const call = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(url(path), { method, headers })
    const { status } = response
    const challenge = response.headers.get('www-authenticate')
    return { status, challenge, body: JSON.parse(await response.text()) }
  }
  const metadata = 'resource_metadata="https://library.example.com/.well-known/oauth-protected-resource"'
  const invalidToken = {
    status: 401,
    challenge: `Bearer error="invalid_token", error_description="The access token is missing, malformed, expired or revoked, or it is not for this API", ${metadata}`,
    body: {
      error: 'invalid_token',
      error_description:
        'The access token is missing, malformed, expired or revoked, or it is not for this API',
    },
  }
  const insufficientScope = {
    status: 403,
    challenge: `Bearer error="insufficient_scope", error_description="The scope of the access token does not allow this request", ${metadata}`,
    body: {
      error: 'insufficient_scope',
      error_description: 'The scope of the access token does not allow this request',
    },
  }

  it('lets a token pass, and tells the function whose it is', async () => {
    const client = await register()
    const token = await stack().token(client, { scope: 'books:read' })
    expect(await call('/books/17', { authorization: `Bearer ${token}` })).toEqual({
      status: 200,
      challenge: null,
      body: {
        resource: '/books/{isbn}',
        pathParameters: { isbn: '17' },
        authorizer: {
          principalId: client.client_id,
          clientId: client.client_id,
          scope: 'books:read',
          jti: expect.any(String),
          audience,
          expiresAt: expect.stringMatching(/^\d{10}$/),
        },
      },
    })
  })

  it('answers no token, a wrong one and another scheme with 401 and a challenge (RFC 6750 §3)', async () => {
    const token = await stack().token(await register())
    const wrong = { authorization: `Bearer ${token.slice(0, -3)}AAA` }
    expect(await call('/books')).toEqual(invalidToken)
    expect(await call('/books', wrong)).toEqual(invalidToken)
    expect(await call('/books', { authorization: 'Basic eDp5' })).toEqual(invalidToken)
  })

  it('answers too little scope with 403 and a challenge (RFC 6750 §3.1)', async () => {
    const token = await stack().token(await register(), { scope: 'books:read' })
    expect(await call('/books/17/loans', { authorization: `Bearer ${token}` })).toEqual(insufficientScope)
  })

  it('never lets a token pass on another route by the cached policy, and asks once for all of them', async () => {
    const token = await stack().token(await register(), { scope: 'books:read' })
    const statuses = async (path: string, method = 'GET') => stack().call(method, url(path), token)
    const before = (await stack().auditEvents('api.authorize')).length
    expect([
      await statuses('/books/17'),
      await statuses('/books'),
      await statuses('/books/'),
      await statuses('/books/18/'),
      await statuses('/books/17/loans'),
      await statuses('/books/17/loans/'),
      await statuses('/books/17', 'DELETE'),
      await statuses('/books/17', 'HEAD'),
      await statuses('/health'),
    ]).toEqual([200, 200, 200, 200, 403, 403, 403, 403, 200])
    const decisions = (await stack().auditEvents('api.authorize')).slice(before)
    expect(decisions.map(({ outcome }) => outcome)).toEqual(['allowed'])
  })

  it('keeps a policy for the rest of the scope where the first request is refused', async () => {
    const token = await stack().token(await register(), { scope: 'books:write' })
    expect(await stack().call('GET', url('/books/17'), token)).toBe(403)
    expect(await stack().call('PUT', url('/books/17'), token)).toBe(200)
    expect(await stack().call('HEAD', url('/books/17'), token)).toBe(200)
    expect(await stack().call('GET', url('/books'), token)).toBe(403)
  })

  it('refuses a revoked token within the revocation delay, the cached policy included', async () => {
    const client = await register()
    const token = await stack().token(client)
    expect(await stack().call('GET', url('/books'), token)).toBe(200)
    expect((await stack().revoke(client, token)).status).toBe(200)
    expect(await untilRefused(stack(), url('/books'), token)).toBe(401)
    expect(await call('/books', { authorization: `Bearer ${token}` })).toEqual(invalidToken)
  })

  it('says to anybody where its tokens come from (RFC 9728 §3)', async () => {
    const get = (headers: Record<string, string> = {}) =>
      fetch(url('/.well-known/oauth-protected-resource'), { headers })
    const response = await get({ origin: 'https://somewhere.example.com' })
    const { status, headers } = response
    expect([status, headers.get('access-control-allow-origin'), headers.get('content-type')]).toEqual([
      200,
      '*',
      'application/json',
    ])
    expect(await response.json()).toEqual({
      resource: audience,
      authorization_servers: [stack().endpoints.issuer],
      scopes_supported: ['books:read', 'books:write', 'books:admin'],
      bearer_methods_supported: ['header'],
    })
    const unchanged = await get({ 'If-None-Match': headers.get('etag') ?? '' })
    expect([unchanged.status, unchanged.headers.get('cache-control')]).toEqual([304, 'public, max-age=3600'])
  })

  it('answers a path or a method that the API has not as API Gateway does', async () => {
    const token = await stack().token(await register())
    for (const [method, path] of [
      ['GET', '/nowhere'],
      ['POST', '/books'],
      ['POST', '/.well-known/oauth-protected-resource'],
    ] as const)
      expect(await call(path, { authorization: `Bearer ${token}` }, method)).toEqual({
        status: 403,
        challenge: null,
        body: { message: 'Missing Authentication Token' },
      })
  })
})
