import { beforeEach, describe, expect, it } from 'vitest'
import type {
  AdministrationFacts,
  AdministrationRequest,
} from '../../../lambda/adapters/administration-endpoint.ts'
import { administrationOperations } from '../../../lambda/adapters/administration-operations.ts'
import { secretUseId } from '../../../lambda/adapters/single-use-table.ts'
import { AdministrationError } from '../../../lambda/oauth/administration/administration-error.ts'
import {
  ClientAdministration,
  type ClientStore,
} from '../../../lambda/oauth/administration/client-administration.ts'
import type { ClientRecord } from '../../../lambda/oauth/administration/client-record.ts'
import type { ResourceServerRecord } from '../../../lambda/oauth/administration/resource-server-record.ts'
import type { Revocation } from '../../../lambda/oauth/revocation.ts'
import type { VerifiedToken } from '../../../lambda/oauth/verify-access-token.ts'
import { clientRecord, ordersAudience, secretId } from '../support/client-item.ts'
import { frozenClock, nowSeconds } from '../support/recorded-lines.ts'
import { tokenClaims } from '../support/signing-key-pair.ts'

/** A store in memory: the real one has tests of its own. */
const rows = new Map<string, ClientRecord>()
const clients: ClientStore = {
  find: async clientId => rows.get(clientId),
  create: async client => void rows.set(client.clientId, client),
  replace: async (client, previousVersion) => {
    if (rows.get(client.clientId)?.version !== previousVersion) return false
    rows.set(client.clientId, client)
    return true
  },
}
const revocations: Revocation[] = []
const pages: [number, string | undefined][] = []
const writeRevocation = async (revocation: Revocation) => void revocations.push(revocation)
const randomBytes = (size: number) => new Uint8Array(size).fill(0xab)
const claims = tokenClaims(nowSeconds)
const verified: VerifiedToken = {
  claims,
  scope: ['orders:read'],
  jti: claims.jti,
  clientId: claims.client_id,
  kid: 'kid',
  iat: claims.iat,
}

const ordersServer: ResourceServerRecord = {
  audience: ordersAudience,
  scopes: [
    { scope: 'orders:read', description: '' },
    { scope: 'orders:write', description: '' },
  ],
  accessTokenLifetimeSeconds: undefined,
  managedBy: 'administration',
  version: 1,
  createdAt: 1,
  updatedAt: 1,
}

const operations = administrationOperations({
  administration: new ClientAdministration({
    clients,
    resourceServers: { readAll: async () => [ordersServer] },
    writeRevocation,
    randomBytes,
    clock: frozenClock(),
  }),
  now: () => nowSeconds * 1000,
  listClients: async (limit, after) => {
    pages.push([limit, after])
    return { clients: [...rows.values()], next: 'next-client' }
  },
  lastUsed: async ids =>
    new Map(ids.includes(secretUseId('export', secretId)) ? [[ids[0] ?? '', '2026-01-01']] : []),
  verifyToken: async token => (token === 'good' ? verified : 'signature_invalid'),
  writeRevocation,
  jwksUriAllow: undefined,
})

async function run(routeKey: string, request: Partial<AdministrationRequest> = {}) {
  const facts: AdministrationFacts = {}
  const operation = operations[routeKey]
  const body = await operation?.run({ parameters: {}, query: {}, body: undefined, ...request }, facts)
  return { status: operation?.status, audit: operation?.audit, body, facts }
}

/** The code and the text of the refusal that an operation must end in. */
async function refusal(routeKey: string, request: Partial<AdministrationRequest>) {
  const error = await run(routeKey, request).catch((thrown: unknown) => thrown)
  if (!(error instanceof AdministrationError))
    throw new Error('the operation was not refused', { cause: error })
  return [error.code, error.detail]
}

beforeEach(() => {
  rows.clear()
  rows.set('export', clientRecord('export'))
  revocations.length = 0
  pages.length = 0
})

const ofExport = { parameters: { client_id: 'export' } }
const document = {
  client_id: 'export',
  client_name: 'Nightly export',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  grants: [{ resource: ordersAudience, scope: 'orders:read orders:write' }],
  access_token_lifetime: undefined,
  status: 'active',
  version: 1,
  client_id_issued_at: 1_700_000_000,
  updated_at: 1_700_000_000,
  secrets: [{ secret_id: secretId, created_at: 1_700_000_000, expires_at: 0, last_used_on: '2026-01-01' }],
}

describe('the admin API’s operations', () => {
  it('are one for each route, with the status and the audit event of each', () => {
    const listed = Object.entries(operations).map(([route, { status, audit }]) => [route, status, audit])
    expect(listed).toEqual([
      ['POST /admin/clients', 201, 'client.create'],
      ['GET /admin/clients', 200, 'client.list'],
      ['GET /admin/clients/{client_id}', 200, 'client.show'],
      ['PUT /admin/clients/{client_id}', 200, 'client.update'],
      ['DELETE /admin/clients/{client_id}', 204, 'client.delete'],
      ['POST /admin/clients/{client_id}/disable', 200, 'client.disable'],
      ['POST /admin/clients/{client_id}/enable', 200, 'client.enable'],
      ['POST /admin/clients/{client_id}/revoke-tokens', 200, 'client.revoke-tokens'],
      ['POST /admin/clients/{client_id}/secrets', 201, 'secret.add'],
      ['DELETE /admin/clients/{client_id}/secrets/{secret_id}', 204, 'secret.remove'],
      ['POST /admin/revoke-all', 200, 'token.revoke-all'],
      ['POST /admin/tokens/revoke', 200, 'token.revoke'],
    ])
  })

  it('revoke every token up to a moment that no clock has reached, and take no members', async () => {
    const { body, facts } = await run('POST /admin/revoke-all', { body: {} })
    expect([body, facts]).toEqual([{ revoked_up_to: nowSeconds + 5 }, {}])
    expect(revocations.at(-1)).toEqual({
      kind: 'all',
      revokedUpTo: nowSeconds + 5,
      expiresAt: nowSeconds + 5 + 3600 + 80,
    })
    await expect(run('POST /admin/revoke-all', { body: { client_id: 'export' } })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('show a client with the day on which each secret was last used', async () => {
    const { body, facts } = await run('GET /admin/clients/{client_id}', ofExport)
    expect(body).toEqual(document)
    expect(facts).toEqual({ clientId: 'export' })
  })

  it('register a client and show its secret this once (RFC 7591 §3.2.1)', async () => {
    const grants = [{ resource: ordersAudience, scope: 'orders:read' }]
    const { body, facts } = await run('POST /admin/clients', { body: { client_name: 'New', grants } })
    expect(body).toMatchObject({
      client_id: 'ab'.repeat(16),
      client_secret: expect.stringMatching(/^ctsn_[A-Za-z0-9_-]{49}$/),
      client_secret_expires_at: 0,
      secrets: [{ secret_id: 'ab'.repeat(8), created_at: nowSeconds, expires_at: 0 }],
    })
    expect(facts).toEqual({ clientId: 'ab'.repeat(16) })
  })

  it('list fifty clients to a page unless the caller wants fewer or more', async () => {
    const { body } = await run('GET /admin/clients')
    expect(body).toEqual({ clients: [document], next_token: 'next-client' })
    await run('GET /admin/clients', { query: { limit: '100', next_token: 'next-client' } })
    expect(pages).toEqual([
      [50, undefined],
      [100, 'next-client'],
    ])
  })

  it.each(['0', '101', '-1', '1.5', 'all', ''])('refuse a limit of "%s"', async limit => {
    const rule = 'limit must be a whole number from 1 to 100'
    expect(await refusal('GET /admin/clients', { query: { limit } })).toEqual(['invalid_request', rule])
  })

  it.each(['a#b', 'a b', '', 'x'.repeat(65), 'a,b'])('refuse a next_token of "%s"', async next_token => {
    const rule = 'next_token must be the one that the previous page gave'
    expect(await refusal('GET /admin/clients', { query: { next_token } })).toEqual(['invalid_request', rule])
  })

  it('refuse an identifier that cannot be one, and record nothing of it', async () => {
    for (const client_id of ['', 'a b', 'a#b', 'x'.repeat(65)]) {
      const facts: AdministrationFacts = {}
      const request = { parameters: { client_id }, query: {}, body: undefined }
      const shown = operations['GET /admin/clients/{client_id}']?.run(request, facts)
      await expect(shown).rejects.toMatchObject({ code: 'not_found', detail: 'there is no such client' })
      expect(facts).toEqual({})
    }
  })

  it('revoke what a disabled client has, client record first', async () => {
    const { body } = await run('POST /admin/clients/{client_id}/disable', ofExport)
    expect(body).toMatchObject({ client_id: 'export', status: 'disabled', version: 2 })
    const revokedUpTo = nowSeconds + 5
    expect(rows.get('export')?.tokensRevokedUpTo).toBe(revokedUpTo)
    expect(revocations).toEqual([
      { kind: 'client', clientId: 'export', revokedUpTo, expiresAt: revokedUpTo + 3600 + 80 },
    ])
  })

  it('say up to which moment a client’s tokens are revoked', async () => {
    const { body } = await run('POST /admin/clients/{client_id}/revoke-tokens', ofExport)
    expect(body).toEqual({ client_id: 'export', revoked_up_to: nowSeconds + 5 })
  })

  it('add a secret; the old one expires after the overlap, a day unless said otherwise', async () => {
    const { body, facts } = await run('POST /admin/clients/{client_id}/secrets', ofExport)
    expect(Object.keys(body ?? {})).toEqual([
      ...['client_id', 'secret_id', 'client_secret', 'client_secret_expires_at', 'secrets'],
    ])
    expect(body).toMatchObject({
      secrets: [
        { secret_id: secretId, expires_at: nowSeconds + 86_400 },
        { secret_id: 'ab'.repeat(8), expires_at: 0 },
      ],
    })
    expect(facts).toEqual({ clientId: 'export', subject: 'ab'.repeat(8) })
  })

  it.each<[number, number]>([
    [0, nowSeconds],
    [2_592_000, nowSeconds + 2_592_000],
  ])('take an overlap of %i seconds', async (overlap_seconds, expires_at) => {
    const { body } = await run('POST /admin/clients/{client_id}/secrets', {
      ...ofExport,
      body: { overlap_seconds },
    })
    expect(body).toMatchObject({ secrets: [{ expires_at }, { expires_at: 0 }] })
  })

  it.each<[unknown]>([
    [{ overlap_seconds: -1 }],
    [{ overlap_seconds: 2_592_001 }],
    [{ overlap_seconds: 0.5 }],
    [{ overlap_seconds: '60' }],
    [{ overlap_seconds: null }],
    [{ overlap: 60 }],
    ['text'],
    [[60]],
    [[]],
    [60],
  ])('refuse an overlap of %j', async body => {
    const rule = 'the body may have overlap_seconds, whole seconds from 0 to 2592000, and nothing else'
    const routeKey = 'POST /admin/clients/{client_id}/secrets'
    expect(await refusal(routeKey, { ...ofExport, body })).toEqual(['invalid_request', rule])
    expect(rows.get('export')?.version).toBe(1)
  })

  it('remove a secret, and record which once it is gone', async () => {
    const routeKey = 'DELETE /admin/clients/{client_id}/secrets/{secret_id}'
    const { body, facts } = await run(routeKey, { parameters: { client_id: 'export', secret_id: secretId } })
    expect([body, facts, rows.get('export')?.secrets]).toEqual([
      undefined,
      { clientId: 'export', subject: secretId },
      [],
    ])
  })

  it('revoke a token that verifies by its identifier, never by its text', async () => {
    const { body, facts } = await run('POST /admin/tokens/revoke', { body: { token: 'good' } })
    expect(body).toEqual({ jti: 'token-0001', client_id: 'nightly-export', exp: nowSeconds + 600 })
    expect(facts).toEqual({ clientId: 'nightly-export', audience: ordersAudience, jti: 'token-0001' })
    expect(revocations).toEqual([{ kind: 'jti', jti: 'token-0001', expiresAt: nowSeconds + 680 }])
  })

  it('revoke nothing for a token that does not verify', async () => {
    const [code] = await refusal('POST /admin/tokens/revoke', { body: { token: 'forged' } })
    expect([code, revocations]).toEqual(['invalid_token', []])
  })

  it.each<[unknown]>([
    [undefined],
    [{}],
    [{ token: 1 }],
    [{ token: 'good', hint: 'x' }],
    ['good'],
    [['good']],
  ])('refuse to revoke by a body of %j', async body => {
    const rule = 'the body must be an object of exactly token'
    expect(await refusal('POST /admin/tokens/revoke', { body })).toEqual(['invalid_request', rule])
  })
})
