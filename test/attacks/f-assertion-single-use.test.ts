import { createHash } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { functionEnvironment, ring, startFunction } from '../lambda/support/bundled-function.ts'
import { clientItem, issuer, ordersAudience } from '../lambda/support/client-item.ts'
import { type Fault, failing, startFaultServer, throttled } from '../lambda/support/fault-server.ts'
import { httpEvent } from '../lambda/support/http-event.ts'
import { startLocalKms } from '../lambda/support/local-kms.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import { assertionClaims, assertionKey, craftedAssertion, jwtBearer } from './support/client-assertion.ts'
import { makeSigningKey } from './support/kms-signing-key.ts'

const clientId = 'nightly-export'
const key = assertionKey()
const jwk = Object.entries({ ...key.jwk, alg: 'ES256' }).map(([name, value]) => [name, { S: String(value) }])

const store = await startLocalStore()
const kms = await startLocalKms()
const proxy = await startFaultServer(store.url)
await makeSigningKey(kms, store, ring)
await store.put(
  'Clients',
  clientItem(clientId, {
    token_endpoint_auth_method: { S: 'private_key_jwt' },
    token_endpoint_auth_signing_alg: { S: 'ES256' },
    jwks: { L: [{ M: Object.fromEntries(jwk) }] },
    secrets: { L: [] },
    secret_digests: { M: {} },
  }),
)
await store.put('ResourceServers', {
  audience: { S: ordersAudience },
  scopes: {
    L: ['read', 'write'].map(name => ({ M: { scope: { S: `orders:${name}` }, description: { S: '' } } })),
  },
  managed_by: { S: 'administration' },
  version: { N: '1' },
  created_at: { N: '1700000000' },
  updated_at: { N: '1700000000' },
})
const token = await startFunction('token', {
  ...functionEnvironment({ dynamodb: proxy.url, kms: kms.url }),
  ACCESS_TOKEN_LIFETIME_SECONDS: '600',
})

afterAll(() => Promise.all([token.stop(), proxy.close(), store.close(), kms.close()]))
beforeEach(() => proxy.reset())

const honest = () => craftedAssertion(key, assertionClaims(clientId, issuer))

interface Answer {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string
}

async function ask(assertion = honest()) {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: jwtBearer,
    client_assertion: assertion,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const event = httpEvent({ routeKey: 'ANY /token', headers, body: body.toString() })
  const start = performance.now()
  const { result, lines, texts } = await token.invoke(event)
  const milliseconds = performance.now() - start
  expect(texts.join('')).not.toContain(assertion)
  const audits = lines.filter(line => line.audit === 'token.issue')
  expect(audits).toHaveLength(1)
  const { statusCode, headers: answered, body: text } = result as Answer
  return { status: statusCode, headers: answered, text, reason: audits[0]?.reason, milliseconds }
}

/** The request's operations: the client is read, then the assertion is claimed. */
const claimFaults = (...faults: Fault[]) => proxy.next('pass', ...faults)

describe('the claim of an assertion', () => {
  it('F20: is made once the client is authenticated, and names neither assertion nor jti', async () => {
    await ask()
    proxy.reset()
    const claims = assertionClaims(clientId, issuer, { jti: 'a jti in clear text' })
    expect(await ask(craftedAssertion(key, claims))).toMatchObject({ status: 200, reason: 'ok' })
    expect(proxy.operations).toEqual(['BatchGetItem', 'PutItem'])
    const digest = createHash('sha256').update('a jti in clear text').digest('base64url')
    const row = await store.get('SingleUse', { id: { S: `assertion#${clientId}#${digest}` } })
    expect(Object.keys(row ?? {}).toSorted()).toEqual(['by', 'expires_at', 'id'])
    // Remembered for longer than the assertion could be tried again, the clocks' skew included.
    expect(Number(row?.expires_at?.N)).toBeGreaterThanOrEqual(Number(claims.exp) + 20)
    expect(JSON.stringify(row)).not.toContain('clear text')
  })

  it('F20: is recognised as its own when its answer was lost: an honest client is served', async () => {
    const answers: (number | unknown)[][] = []
    for (let request = 0; request < 40; request++) {
      if (request % 2 === 0) claimFaults('lost')
      const { status, reason } = await ask()
      answers.push([status, reason])
    }
    expect(answers.filter(([status]) => status !== 200)).toEqual([])
  })

  it('F20: is nobody else’s for that: the same assertion again is a replay', async () => {
    const assertion = honest()
    claimFaults('lost')
    expect(await ask(assertion)).toMatchObject({ status: 200 })
    expect(await ask(assertion)).toMatchObject({ status: 401, reason: 'assertion_replayed' })
    claimFaults('lost')
    expect(await ask(assertion)).toMatchObject({ status: 401, reason: 'assertion_replayed' })
  })

  it.each<[string, Fault]>([
    ['answers are lost', 'lost'],
    ['connections break', 'reset'],
    ['answers do not come', 'hang'],
    ['answers break off', 'stall'],
    ['there is an internal error', failing],
    ['it is throttled', throttled],
    ['access is denied', { status: 400, type: 'AccessDeniedException' }],
    ['the table is missing', { status: 400, type: 'ResourceNotFoundException' }],
  ])('F20: that cannot be made is 503 with Retry-After, and no token: %s', async (_, fault) => {
    claimFaults(fault, fault)
    const { status, headers, text, reason, milliseconds } = await ask()
    expect([status, headers['retry-after'], reason]).toEqual([503, '1', 'store_unavailable'])
    expect(JSON.parse(text).error).toBe('temporarily_unavailable')
    expect(headers['cache-control']).toBe('no-store')
    expect(milliseconds).toBeLessThan(2000)
    // An outage is no failure of the client: it is not counted.
    expect(proxy.operations).not.toContain('UpdateItem')
  })

  it('F20: that was not made leaves the assertion good; one that may have been made does not', async () => {
    const assertion = honest()
    claimFaults('reset', 'reset')
    expect((await ask(assertion)).status).toBe(503)
    expect(await ask(assertion)).toMatchObject({ status: 200, reason: 'ok' })

    const unsure = honest()
    claimFaults('lost', 'lost')
    expect((await ask(unsure)).status).toBe(503)
    expect(await ask(unsure)).toMatchObject({ status: 401, reason: 'assertion_replayed' })
  })

  it('F7: is not forgotten when the row outlives the assertion: the time decides (RFC 7519 §4.1.4)', async () => {
    const claims = assertionClaims(clientId, issuer, { exp: Math.floor(Date.now() / 1000) - 1 })
    expect(await ask(craftedAssertion(key, claims))).toMatchObject({
      status: 401,
      reason: 'assertion_expired',
    })
    expect(proxy.operations).not.toContain('PutItem')
  })
})
