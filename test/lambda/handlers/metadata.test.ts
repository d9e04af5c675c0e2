import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { functionEnvironment, ring, startFunction } from '../support/bundled-function.ts'
import { issuer } from '../support/client-item.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { httpEvent } from '../support/http-event.ts'
import { startLocalStore } from '../support/local-store.ts'
import { accessToken, signingKeyItem, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const pair = signingKeyPair()
await store.put('SigningKeys', signingKeyItem(ring, pair.key))
await store.put('SigningKeys', signingKeyItem(ring, signingKeyPair({ state: 'revoked' }).key))
const metadata = await startFunction('metadata', functionEnvironment({ dynamodb: proxy.url }))

afterAll(() => Promise.all([metadata.stop(), proxy.close(), store.close()]))

interface Answer {
  statusCode: number
  headers: Record<string, string>
  body: string
}

const get = async (path: string, headers: Record<string, string> = {}) => {
  const { result } = await metadata.invoke(httpEvent({ routeKey: `GET ${path}`, headers }))
  return result as Answer
}

const jwksPath = '/.well-known/jwks.json'

describe('the metadata function', () => {
  it('reads the ring while it is loaded, and prints and fetches nothing', () => {
    expect(metadata.start).toEqual({
      result: 'function',
      failure: undefined,
      texts: [],
      lines: [],
      fetches: [],
    })
    expect(proxy.operations).toEqual(['Query'])
  })

  it.each(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])(
    'answers the server’s metadata at %s (RFC 8414 §3)',
    async path => {
      const { statusCode, headers, body } = await get(path)
      expect([statusCode, headers['content-type'], headers['cache-control']]).toEqual([
        200,
        'application/json',
        'public, max-age=3600',
      ])
      expect(JSON.parse(body)).toMatchObject({
        issuer,
        token_endpoint: `${issuer}/token`,
        revocation_endpoint: `${issuer}/revoke`,
        jwks_uri: `${issuer}${jwksPath}`,
      })
    },
  )

  it('publishes the keys that are trusted, in their public members alone (RFC 7517 §5)', async () => {
    const { statusCode, headers, body } = await get(jwksPath)
    expect([statusCode, headers['cache-control']]).toEqual([200, 'public, max-age=300'])
    expect(JSON.parse(body)).toEqual({ keys: [pair.key.publicJwk] })
  })

  it('publishes keys with which an independent library verifies a token', async () => {
    const { body } = await get(jwksPath)
    const token = accessToken(pair, tokenClaims(Math.floor(Date.now() / 1000)))
    const { payload } = await jwtVerify(token, createLocalJWKSet(JSON.parse(body)), { issuer })
    expect(payload.jti).toBe('token-0001')
  })

  it('answers 304 to whoever has the document (RFC 9110 §13.1.2)', async () => {
    const { headers } = await get(jwksPath)
    const again = await get(jwksPath, { 'if-none-match': headers.etag ?? '' })
    expect([again.statusCode, again.body]).toEqual([304, ''])
  })

  it('answers 503 that nobody caches when no ring can be read at start, and recovers by itself', async () => {
    proxy.always('reset')
    const fresh = await startFunction('metadata', functionEnvironment({ dynamodb: proxy.url }))
    const event = httpEvent({ routeKey: `GET ${jwksPath}` })
    const refused = (await fresh.invoke(event)).result as Answer
    proxy.always('pass')
    const served = (await fresh.invoke(event)).result as Answer
    await fresh.stop()
    expect([refused.statusCode, refused.headers['cache-control'], refused.headers['retry-after']]).toEqual([
      503,
      'no-store',
      '1',
    ])
    expect(served.statusCode).toBe(200)
  })
})
