import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { functionEnvironment, ring, startFunction } from '../support/bundled-function.ts'
import { clientItem, ordersAudience, ordersServerItem } from '../support/client-item.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { adminArn, adminEvent, type EventParts, requestId } from '../support/http-event.ts'
import { startLocalStore } from '../support/local-store.ts'
import { accessToken, signingKeyItem, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
await store.put('ResourceServers', ordersServerItem)
const admin = await startFunction('admin', functionEnvironment({ dynamodb: proxy.url }))

afterAll(() => Promise.all([admin.stop(), proxy.close(), store.close()]))
beforeEach(() => proxy.reset())

interface Answer {
  statusCode: number
  headers: Record<string, string>
  body: string
}

async function ask(routeKey: string, parts: Omit<EventParts, 'routeKey' | 'body'> & { json?: unknown } = {}) {
  const { json, ...rest } = parts
  const body = json === undefined ? {} : { body: JSON.stringify(json) }
  const { result, lines, failure } = await admin.invoke(adminEvent({ routeKey, ...rest, ...body }))
  const answer = result as Answer
  const document = answer.body === '' ? undefined : (JSON.parse(answer.body) as Record<string, unknown>)
  return { status: answer.statusCode, headers: answer.headers, document, lines, failure }
}

const registration = { client_name: 'Export', grants: [{ resource: ordersAudience, scope: 'orders:read' }] }
const of = (client_id: string, secret_id?: string) => ({
  parameters: { client_id, ...(secret_id === undefined ? {} : { secret_id }) },
})
const updateOf = (version: number) => ({
  ...registration,
  token_endpoint_auth_method: 'client_secret_basic',
  version,
})

describe('the admin function', () => {
  it('reaches nothing while it is loaded', () => {
    expect(admin.start).toEqual({ result: 'function', failure: undefined, texts: [], lines: [], fetches: [] })
    expect(proxy.operations).toEqual([])
  })

  it('registers a client, shows its secret once, and records who did it', async () => {
    const { status, headers, document, lines } = await ask('POST /admin/clients', { json: registration })
    expect([status, headers]).toEqual([
      201,
      { 'content-type': 'application/json', 'cache-control': 'no-store' },
    ])
    expect(document?.client_secret).toMatch(/^ctsn_[A-Za-z0-9_-]{49}$/)
    expect(lines).toMatchObject([
      {
        audit: 'client.create',
        outcome: 'allowed',
        reason: 'ok',
        actor: adminArn,
        requestId,
        clientId: document?.client_id,
        AdministrationAllowed: 1,
      },
    ])
    expect(JSON.stringify(lines)).not.toContain(String(document?.client_secret))
    const shown = await ask('GET /admin/clients/{client_id}', of(String(document?.client_id)))
    const { client_secret, client_secret_expires_at, ...same } = document ?? {}
    expect([shown.status, shown.document]).toEqual([200, same])
  })

  it('answers a conflict with 409, not with an outage, when the version has passed (RFC 7592 §2.2)', async () => {
    await store.put('Clients', clientItem('conflict'))
    const overtaken = { answer: (answer: Record<string, unknown>) => answer }
    proxy.next(overtaken, {
      before: () => store.put('Clients', clientItem('conflict', { version: { N: '5' } })),
    })
    const update = await ask('PUT /admin/clients/{client_id}', { ...of('conflict'), json: updateOf(1) })
    expect([update.status, update.document?.error]).toEqual([409, 'conflict'])
    expect(update.lines).toMatchObject([{ audit: 'client.update', outcome: 'refused', reason: 'conflict' }])
  })

  it('makes a change again on the newest version when another change came first', async () => {
    await store.put('Clients', clientItem('retried'))
    proxy.next('pass', { before: () => store.put('Clients', clientItem('retried', { version: { N: '5' } })) })
    const { status, document } = await ask('POST /admin/clients/{client_id}/disable', of('retried'))
    expect([status, document?.status, document?.version]).toEqual([200, 'disabled', 6])
  })

  it('revokes a token that verifies, by its identifier', async () => {
    const pair = signingKeyPair()
    await store.put('SigningKeys', signingKeyItem(ring, pair.key))
    const issuedAt = Math.floor(Date.now() / 1000)
    const token = accessToken(pair, tokenClaims(issuedAt))
    const { status, document } = await ask('POST /admin/tokens/revoke', { json: { token } })
    expect([status, document]).toEqual([
      200,
      { jti: 'token-0001', client_id: 'nightly-export', exp: issuedAt + 600 },
    ])
    expect(proxy.operations).toEqual(['Query', 'UpdateItem'])
  })

  it('makes only requests that its role allows on the clients: no digest is read', async () => {
    await store.put('Clients', clientItem('allowed'))
    await ask('GET /admin/clients/{client_id}', of('allowed'))
    await ask('GET /admin/clients', { query: { limit: '10' } })
    await ask('POST /admin/clients/{client_id}/secrets', { ...of('allowed'), json: {} })
    await ask('DELETE /admin/clients/{client_id}', of('allowed'))
    const reads = proxy.bodies.filter((_, index) =>
      ['GetItem', 'Scan'].includes(proxy.operations[index] ?? ''),
    )
    expect(reads).toHaveLength(5)
    for (const read of reads) {
      expect(read.ProjectionExpression).toMatch(/^#client_id, /)
      expect(JSON.stringify(read)).not.toContain('secret_digests')
    }
    const writes = proxy.bodies.filter((_, index) =>
      ['PutItem', 'UpdateItem'].includes(proxy.operations[index] ?? ''),
    )
    expect(writes.map(write => [write.TableName, write.ReturnValues])).toEqual([
      ['Clients', undefined],
      ['Clients', undefined],
      ['Revocations', undefined],
    ])
    expect(new Set(proxy.operations)).toEqual(new Set(['GetItem', 'BatchGetItem', 'Scan', 'UpdateItem']))
  })

  it('answers 503 while the store is away, and says when to come back (RFC 9110 §10.2.3)', async () => {
    proxy.always('reset')
    const { status, headers, document, lines } = await ask('GET /admin/clients/{client_id}', of('anyone'))
    expect([status, headers['retry-after'], document?.error]).toEqual([503, '1', 'temporarily_unavailable'])
    expect(lines.at(-1)).toMatchObject({ outcome: 'failed', AdministrationFailed: 1 })
  })

  it('gives out a secret that it has stored, even when the days of last use cannot be read', async () => {
    await store.put('Clients', clientItem('rotated'))
    proxy.next('pass', 'pass', 'reset', 'reset')
    const { status, document } = await ask('POST /admin/clients/{client_id}/secrets', {
      ...of('rotated'),
      json: {},
    })
    const stored = await store.get('Clients', { client_id: { S: 'rotated' } })
    expect(stored?.secrets?.L).toHaveLength(2)
    expect(status).toBe(201)
    expect(document?.client_secret).toMatch(/^ctsn_/)
  })
})
