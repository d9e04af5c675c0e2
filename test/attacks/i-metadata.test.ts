import { afterAll, describe, expect, inject, it } from 'vitest'
import { jwksMaxAgeSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { readCloudAssembly } from '../../local/cloud-assembly.ts'
import { type Json, useLocalStack } from '../flow/local-stack.ts'
import { functionEnvironment, ring, startFunction } from '../lambda/support/bundled-function.ts'
import { httpEvent } from '../lambda/support/http-event.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import { signingKeyItem, signingKeyPair } from '../lambda/support/signing-key-pair.ts'

const stack = useLocalStack()
const paths = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']
const jwksPath = '/.well-known/jwks.json'
interface Answer {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string
}

const publicMembers = ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']

const store = await startLocalStore()
afterAll(() => store.close())

describe('the JWKS', () => {
  it('I19: has public members only, and alg, kid and use in every key (RFC 7517 §4)', async () => {
    const { keys } = (await (await fetch(stack().endpoints.jwksUri)).json()) as { keys: Json[] }
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(publicMembers)
      expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
  })

  const honest = signingKeyPair({ signFrom: 1, createdAt: 1 })
  const { privateKey, key } = signingKeyPair({ signFrom: 1, createdAt: 1 })
  const privateJwk = { ...key.publicJwk, ...privateKey.export({ format: 'jwk' }) }
  it.each<[string, Json]>([
    ['a private key', privateJwk],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0', kid: key.kid, alg: 'HS256', use: 'sig' }],
    ['a key of another type', { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: key.kid, alg: 'ES256', use: 'sig' }],
    ['a key without alg', { ...key.publicJwk, alg: undefined }],
    ['a key for encryption', { ...key.publicJwk, use: 'enc' }],
    ['a key with the name of another', { ...key.publicJwk, kid: honest.key.kid }],
    ['a key with a URL', { ...key.publicJwk, x5u: 'https://evil.example' }],
    ['a point that is not on the curve', { ...key.publicJwk, x: key.publicJwk.y }],
    ['the key of another', { ...honest.key.publicJwk, kid: key.kid }],
    ['nothing', {}],
  ])('I19: is not given out while the store has %s in it (RFC 7517 §9.2)', async (_, row) => {
    await store.put('SigningKeys', signingKeyItem(ring, honest.key))
    await store.put('SigningKeys', signingKeyItem(ring, key, { public_jwk: { S: JSON.stringify(row) } }))
    const metadata = await startFunction('metadata', functionEnvironment({ dynamodb: store.url }))
    try {
      const { result, texts } = await metadata.invoke(httpEvent({ routeKey: `GET ${jwksPath}` }))
      const { statusCode, headers, body } = result as Answer
      expect([statusCode, headers['cache-control'], headers['retry-after']]).toEqual([503, 'no-store', '1'])
      expect(JSON.parse(body).error).toBe('temporarily_unavailable')
      for (const text of [body, ...texts, ...metadata.start.texts]) {
        for (const secret of [privateJwk.d, 'c2VjcmV0', 'evil.example']) expect(text).not.toContain(secret)
      }
    } finally {
      await metadata.stop()
    }
  })

  it('I20: may be kept for no longer than a key is published before it signs, and has a tag (RFC 9111 §5.2)', async () => {
    const response = await fetch(stack().endpoints.jwksUri)
    expect(response.headers.get('cache-control')).toBe(`public, max-age=${jwksMaxAgeSeconds}`)
    expect(jwksMaxAgeSeconds).toBeLessThanOrEqual(300)
    const etag = response.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await fetch(stack().endpoints.jwksUri, { headers: { 'if-none-match': tags } })
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    }
    for (const tags of ['', 'x', etag.replaceAll('"', ''), `x${etag}`, `${etag}x`, etag.toLowerCase()]) {
      const again = await fetch(stack().endpoints.jwksUri, { headers: { 'if-none-match': tags } })
      expect([tags, again.status]).toEqual([tags, 200])
    }
  })
})

describe('the metadata', () => {
  it.each(paths)(
    'I20: at %s has the issuer that it is fetched from, and only URLs below it (RFC 8414 §3.3)',
    async path => {
      const { issuer } = stack().endpoints
      const response = await fetch(issuer + path)
      expect(response.headers.get('cache-control')).toBe('public, max-age=3600')
      expect(response.headers.get('etag')).toMatch(/^"[\w-]{43}"$/)
      const document = (await response.json()) as Json
      expect(document.issuer).toBe(issuer)
      expect(new URL(issuer).href).toBe(`${issuer}/`)
      const urls = Object.entries(document).filter(([name]) => /_(endpoint|uri)$/.test(name))
      expect(urls.length).toBe(4)
      for (const [, url] of urls) expect(String(url).startsWith(`${issuer}/`)).toBe(true)
    },
  )

  it('I20: offers no algorithm that is none or of shared keys, and no method without authentication', async () => {
    const document = (await (await fetch(stack().endpoints.issuer + paths[0])).json()) as Json
    const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
    for (const endpoint of ['token', 'revocation', 'introspection']) {
      expect(document[`${endpoint}_endpoint_auth_methods_supported`]).toEqual(methods)
      expect(document[`${endpoint}_endpoint_auth_signing_alg_values_supported`]).toEqual([
        'ES256',
        'RS256',
        'PS256',
        'EdDSA',
      ])
    }
    expect([document.grant_types_supported, document.response_types_supported]).toEqual([
      ['client_credentials'],
      [],
    ])
    expect(JSON.stringify(document)).not.toMatch(/"none"|HS256/)
  })

  it('I20: is of no host that a header names (RFC 8414 §6.2)', async () => {
    const { issuer } = stack().endpoints
    for (const path of [...paths, jwksPath]) {
      const honest = await (await fetch(issuer + path)).text()
      const headers = {
        forwarded: 'host=evil.example;proto=https',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'ftp',
        'x-original-url': '/token',
        'x-http-method-override': 'POST',
        origin: 'https://evil.example',
      }
      const response = await fetch(`${issuer + path}?issuer=https://evil.example`, { headers })
      expect([response.status, await response.text()]).toEqual([200, honest])
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('access-control-allow-credentials')).toBe(null)
      expect(response.headers.get('set-cookie')).toBe(null)
    }
  })

  it('I20: is read, and nothing else can be done to it', async () => {
    const { issuer } = stack().endpoints
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      for (const path of [...paths, jwksPath]) {
        expect((await fetch(issuer + path, { method })).status).toBe(404)
      }
    }
    for (const path of [
      '/.well-known/',
      '/.well-known/jwks',
      `${jwksPath}/`,
      `${paths[0]}/x`,
      '/jwks.json',
    ]) {
      expect([path, (await fetch(issuer + path)).status]).toEqual([path, 404])
    }
  })

  it('I20: the issuer is set when the app is deployed, not by a request', () => {
    const [template] = readCloudAssembly(inject('assemblyDir'))
    const environments = (template?.resources ?? [])
      .filter(({ type, path }) => type === 'AWS::Lambda::Function' && path.startsWith('AuthorizationServer/'))
      .map(
        ({ path, properties }) =>
          [path, (properties.Environment as { Variables: Json }).Variables.ISSUER] as const,
      )
      .filter(([, issuer]) => issuer !== undefined)
    expect(environments.length).toBeGreaterThanOrEqual(5)
    for (const [, issuer] of environments) expect(issuer).toEqual(environments[0]?.[1])
  })
})
