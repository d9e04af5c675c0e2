import { describe, expect, it } from 'vitest'
import { authorize, type ProtectedApi } from '../../../lambda/oauth/authorize.ts'
import { parseRouteTable } from '../../../lambda/oauth/route-table.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { VerifiedTokenMemory } from '../../../lambda/oauth/verified-token-memory.ts'
import {
  audience,
  claims,
  clientId,
  issuer,
  makeToken,
  nowSeconds,
  signingKey,
  verifySignature,
} from './support/token-maker.ts'

const routes = parseRouteTable(
  JSON.stringify({
    'GET /orders': { allOf: ['orders:read'] },
    'DELETE /orders/{id}': { allOf: ['orders:read', 'orders:write'] },
    'POST /payments': { anyOf: ['payments:write', 'payments:admin'] },
  }),
)

function newApi(changes: Partial<ProtectedApi> = {}) {
  const counts = { signatures: 0, keys: 0 }
  const ring: { key: SigningKey | undefined } = { key: signingKey }
  const api: ProtectedApi = {
    issuer,
    audience,
    routes,
    memory: new VerifiedTokenMemory(),
    findKey: async kid => {
      counts.keys++
      return kid === ring.key?.kid ? ring.key : undefined
    },
    findKnownKey: () => ring.key,
    verifySignature: token => {
      counts.signatures++
      return verifySignature(token)
    },
    isRevoked: async () => false,
    ...changes,
  }
  const decide = (token: string, routeKey = 'GET /orders', now = nowSeconds) =>
    authorize({ routeKey, authorization: `Bearer ${token}` }, api, now)
  return { api, counts, ring, decide }
}

describe('a decision', () => {
  it('allows a token with the scope of the route (RFC 6750 §2.1)', async () => {
    const { decide } = newApi()
    expect(await decide(makeToken())).toMatchObject({
      outcome: 'allowed',
      token: { clientId, jti: claims.jti, kid: 'key-1', scope: ['orders:read', 'orders:write'] },
    })
  })

  it.each([
    ['DELETE /orders/{id}', 'orders:read', 'scope_insufficient'],
    ['DELETE /orders/{id}', 'orders:read orders:write', undefined],
    ['POST /payments', 'payments:admin', undefined],
    ['POST /payments', 'payments:read', 'scope_insufficient'],
    ['GET /orders', '', 'scope_insufficient'],
    ['GET /orders', 'orders:rea', 'scope_insufficient'],
    ['GET /orders', 'orders:reads', 'scope_insufficient'],
    ['GET /admin', 'orders:read', 'route_unknown'],
    ['$default', 'orders:read', 'route_unknown'],
    ['__proto__', 'orders:read', 'route_unknown'],
    ['get /orders', 'orders:read', 'route_unknown'],
  ])('on %s with the scope "%s": %s (RFC 6750 §3.1)', async (routeKey, scope, reason) => {
    const decision = await newApi().decide(makeToken({ scope }), routeKey)
    expect(decision).toMatchObject(
      reason === undefined
        ? { outcome: 'allowed' }
        : { outcome: 'refused', error: 'insufficient_scope', reason },
    )
  })

  it.each([
    [undefined, 'credentials_missing'],
    ['', 'credentials_missing'],
    ['Basic abc', 'scheme_unsupported'],
    ['DPoP abc', 'scheme_unsupported'],
    ['Bearerabc', 'scheme_unsupported'],
    ['Bearer', 'credentials_malformed'],
    ['Bearer ', 'credentials_malformed'],
    ['Bearer  a.b.c', 'credentials_malformed'],
    ['Bearer\ta.b.c', 'credentials_malformed'],
    ['Bearer: a.b.c', 'credentials_malformed'],
    ['Bearer "a.b.c"', 'credentials_malformed'],
    ['Bearer TOKEN, Basic x', 'credentials_malformed'],
    ['Bearer TOKEN,Bearer TOKEN', 'credentials_malformed'],
    ['Bearer TOKEN ', 'credentials_malformed'],
    ['Bearer a.b.c', 'token_not_canonical'],
  ])('refuses the header %j (RFC 6750 §2.1)', async (header, reason) => {
    const authorization = header?.replaceAll('TOKEN', makeToken())
    const decision = await authorize({ routeKey: 'GET /orders', authorization }, newApi().api, nowSeconds)
    expect(decision).toEqual({ outcome: 'refused', error: 'invalid_token', reason })
  })

  it('takes the scheme in any case (RFC 9110 §11.1)', async () => {
    const request = { routeKey: 'GET /orders', authorization: `bEARER ${makeToken()}` }
    expect(await authorize(request, newApi().api, nowSeconds)).toMatchObject({ outcome: 'allowed' })
  })

  it('refuses a key that is not in the ring, a wrong signature, an expired token (RFC 9068 §4)', async () => {
    const { decide } = newApi()
    expect(await decide(makeToken({}, { kid: 'other' }))).toMatchObject({ reason: 'key_unknown' })
    const [head, , signature] = makeToken().split('.')
    const forged = `${head}.${makeToken({ scope: 'admin' }).split('.')[1]}.${signature}`
    expect(await decide(forged)).toMatchObject({ reason: 'signature_invalid' })
    expect(await decide(makeToken(), 'GET /orders', nowSeconds + 600)).toMatchObject({
      reason: 'token_expired',
    })
  })
})

describe('a token that was verified before', () => {
  it('is recognised by its exact text, with no cryptography and no key look-up', async () => {
    const { decide, counts } = newApi()
    const token = makeToken()
    for (let call = 0; call < 5; call++) expect(await decide(token)).toMatchObject({ outcome: 'allowed' })
    expect(counts).toEqual({ signatures: 1, keys: 1 })
  })

  it('is held to its time, its key, revocation and the scope of each route all the same', async () => {
    let isRevoked = false
    const { decide, ring } = newApi({ isRevoked: async () => isRevoked })
    const token = makeToken({ scope: 'orders:read' })
    expect(await decide(token)).toMatchObject({ outcome: 'allowed' })
    expect(await decide(token, 'DELETE /orders/{id}')).toMatchObject({ reason: 'scope_insufficient' })
    isRevoked = true
    expect(await decide(token)).toMatchObject({ reason: 'token_revoked', token: { clientId } })
    isRevoked = false
    expect(await decide(token, 'GET /orders', nowSeconds + 600)).toMatchObject({ reason: 'token_expired' })
    expect(await decide(token)).toMatchObject({ outcome: 'allowed' })
    ring.key = undefined
    expect(await decide(token)).toMatchObject({ reason: 'key_unknown' })
  })
})

describe('an outage', () => {
  it('fails closed: what cannot be known is not allowed', async () => {
    const down = async () => {
      throw new Unavailable('store')
    }
    const failed = { outcome: 'failed', reason: 'store_unavailable' }
    expect(await newApi({ isRevoked: down }).decide(makeToken())).toEqual(failed)
    expect(await newApi({ findKey: down }).decide(makeToken())).toEqual(failed)
  })

  it('is not what any other error is: that goes to the caller as it is', async () => {
    const bug = new Error('a bug')
    const broken = newApi({ isRevoked: () => Promise.reject(bug) })
    await expect(broken.decide(makeToken())).rejects.toBe(bug)
  })
})
