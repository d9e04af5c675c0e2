import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { shardOf } from '../../../lambda/oauth/revocation.ts'
import { functionEnvironment, ring, startFunction } from '../support/bundled-function.ts'
import { ordersAudience } from '../support/client-item.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { authorizerEvent } from '../support/http-event.ts'
import { startLocalStore } from '../support/local-store.ts'
import { accessToken, signingKeyItem, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
await store.put('SigningKeys', signingKeyItem(ring, pair.key))
const routes = { 'GET /orders': { allOf: ['orders:read'] }, 'POST /orders': { allOf: ['orders:write'] } }
const environment = (refreshSeconds: number) => ({
  ...functionEnvironment({ dynamodb: proxy.url }),
  AUDIENCE: ordersAudience,
  REVOCATION_REFRESH_SECONDS: String(refreshSeconds),
  REVOCATION_OUTAGE_GRACE_SECONDS: '60',
})
const start = (refreshSeconds: number, table: unknown = routes) =>
  startFunction('authorizer', environment(refreshSeconds), { 'routes.json': JSON.stringify(table) })
const withSnapshot = await start(600)
const onLoad = [...proxy.operations]
const perRequest = await start(0)

afterAll(() => Promise.all([withSnapshot.stop(), perRequest.stop(), proxy.close(), store.close()]))
beforeEach(() => proxy.reset())

const issuedAt = Math.floor(Date.now() / 1000)
const tokenOf = (jti: string, changes = {}) => accessToken(pair, tokenClaims(issuedAt, { jti, ...changes }))
const ask = async (token: string, routeKey = 'GET /orders', authorizer = withSnapshot) =>
  authorizer.invoke(authorizerEvent(routeKey, `Bearer ${token}`))
const unauthorized = { errorMessage: 'Unauthorized' }

describe('the authorizer function', () => {
  it('loads the ring and every shard of revocations while it starts, and fetches nothing', () => {
    expect(withSnapshot.start).toMatchObject({ result: 'function', texts: [], fetches: [] })
    expect(onLoad).toEqual(['Query', 'Query', 'Query', 'Query', 'Query'])
  })

  it('allows a token with the scope of the route, and calls nobody for it', async () => {
    const { result, lines } = await ask(tokenOf('allowed'))
    expect(result).toEqual({
      isAuthorized: true,
      context: {
        clientId: 'nightly-export',
        scope: 'orders:read',
        jti: 'allowed',
        audience: ordersAudience,
        expiresAt: issuedAt + 600,
      },
    })
    expect(lines).toMatchObject([
      { audit: 'api.authorize', outcome: 'allowed', reason: 'ok', DecisionsAllowed: 1 },
    ])
    expect(proxy.operations).toEqual([])
  })

  it('refuses with 403 what the scope does not cover, and a route that it does not know (RFC 6750 §3.1)', async () => {
    const token = tokenOf('scoped')
    expect((await ask(token, 'POST /orders')).result).toEqual({ isAuthorized: false })
    expect((await ask(token, 'DELETE /orders')).result).toEqual({ isAuthorized: false })
    expect((await ask(token, '$default')).result).toEqual({ isAuthorized: false })
  })

  it('refuses with 401 another audience, a forged signature, and no token (RFC 6750 §3.1)', async () => {
    const forged = accessToken({ ...signingKeyPair(), key: pair.key }, tokenClaims(issuedAt))
    expect((await ask(tokenOf('other', { aud: 'https://payments.example.com' }))).result).toEqual(
      unauthorized,
    )
    expect((await ask(forged)).result).toEqual(unauthorized)
    expect((await withSnapshot.invoke(authorizerEvent('GET /orders'))).result).toEqual(unauthorized)
  })

  it('refuses a revoked token from the next request on, where no delay is allowed', async () => {
    const token = tokenOf('revoked')
    expect((await ask(token, 'GET /orders', perRequest)).result).toMatchObject({ isAuthorized: true })
    expect(proxy.operations).toEqual(['BatchGetItem'])
    await store.put('Revocations', {
      shard: { S: shardOf('jti#revoked', 4) },
      subject: { S: 'jti#revoked' },
      revoked_at: { N: String(Date.now()) },
      expires_at: { N: String(issuedAt + 680) },
    })
    const { result, lines } = await ask(token, 'GET /orders', perRequest)
    expect(result).toEqual(unauthorized)
    expect(lines).toMatchObject([{ outcome: 'refused', reason: 'token_revoked', jti: 'revoked' }])
  })

  it('never allows while the store is away and it may not remember: an error, which the gateway makes 500', async () => {
    proxy.always('reset')
    const { result, failure, lines } = await ask(tokenOf('outage'), 'GET /orders', perRequest)
    expect([result, failure]).toEqual([undefined, 'Error: store_unavailable'])
    expect(lines.at(-1)).toMatchObject({ outcome: 'failed', reason: 'store_unavailable', DecisionsFailed: 1 })
  })

  it('goes on from its snapshot while the store is away', async () => {
    proxy.always('reset')
    expect((await ask(tokenOf('grace'))).result).toMatchObject({ isAuthorized: true })
    expect(proxy.operations).toEqual([])
  })

  it('prints neither the token nor the header', async () => {
    const token = tokenOf('silent')
    const { texts } = await ask(token)
    for (const part of token.split('.')) expect(texts.join('')).not.toContain(part)
  })

  it('does not start without a route table that it understands', async () => {
    const broken = await start(0, { 'GET /orders': { allOf: [] } })
    await broken.stop()
    expect(broken.start.failure).toBe(
      'Error: routes.json: GET /orders needs a list of scopes, one an item, in exactly one of allOf and anyOf',
    )
  })

  it('starts while the store is away, and allows nothing until it is back', async () => {
    proxy.always('reset')
    const fresh = await start(600)
    const refused = await ask(tokenOf('cold'), 'GET /orders', fresh)
    proxy.always('pass')
    const served = await ask(tokenOf('cold'), 'GET /orders', fresh)
    await fresh.stop()
    expect(refused.failure).toBe('Error: store_unavailable')
    expect(served.result).toMatchObject({ isAuthorized: true })
  })
})
