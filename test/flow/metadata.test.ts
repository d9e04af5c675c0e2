import { describe, expect, it } from 'vitest'
import { useLocalStack } from './local-stack.ts'

const stack = useLocalStack()
const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA']
const paths = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']

describe('the metadata', () => {
  it.each(paths)('is at %s, names the issuer as its own URL and every endpoint (RFC 8414 §3)', async path => {
    const { issuer, tokenEndpoint, revocationEndpoint, introspectionEndpoint, jwksUri } = stack().endpoints
    // The issuer never comes from a header.
    const response = await fetch(issuer + path, { headers: { 'x-forwarded-host': 'evil.example' } })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600')
    expect(await response.json()).toEqual({
      issuer,
      token_endpoint: tokenEndpoint,
      revocation_endpoint: revocationEndpoint,
      introspection_endpoint: introspectionEndpoint,
      jwks_uri: jwksUri,
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: algorithms,
      revocation_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_signing_alg_values_supported: algorithms,
      introspection_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    })
  })

  it('publishes keys with exactly the public members, cacheable for five minutes (RFC 7517 §4)', async () => {
    const response = await fetch(stack().endpoints.jwksUri)
    expect(response.headers.get('cache-control')).toBe('public, max-age=300')
    const { keys } = (await response.json()) as { keys: Record<string, unknown>[] }
    // One that signs and one that waits.
    expect(keys).toHaveLength(2)
    for (const key of keys) {
      expect(key).toEqual({
        kty: 'EC',
        crv: 'P-256',
        alg: 'ES256',
        use: 'sig',
        kid: expect.stringMatching(/^[\w-]{43}$/),
        x: expect.stringMatching(/^[\w-]{43}$/),
        y: expect.stringMatching(/^[\w-]{43}$/),
      })
    }
  })

  it('answers a known entity tag with 304 and no body (RFC 9110 §13.1.2)', async () => {
    const { jwksUri } = stack().endpoints
    const etag = (await fetch(jwksUri)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    const response = await fetch(jwksUri, { headers: { 'if-none-match': etag } })
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, etag, ''])
    const changed = await fetch(jwksUri, { headers: { 'if-none-match': '"other"' } })
    expect(changed.status).toBe(200)
  })
})
