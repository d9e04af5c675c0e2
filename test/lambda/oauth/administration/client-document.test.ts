import { describe, expect, it } from 'vitest'
import { clientDocument } from '../../../../lambda/oauth/administration/client-document.ts'
import { type ClientRecord, liveSecrets } from '../../../../lambda/oauth/administration/client-record.ts'
import { metadata } from '../support/fake-clients.ts'
import { clientId, nowSeconds } from '../support/token-maker.ts'

const secret = (secretId: string, expiresAt?: number) => ({ secretId, createdAt: 1, expiresAt })
const record: ClientRecord = {
  ...metadata,
  clientId,
  status: 'active',
  version: 2,
  createdAt: 1,
  updatedAt: 2,
  tokensRevokedUpTo: 9,
  secrets: [secret('used', nowSeconds), secret('unused')],
}

describe('a client’s document', () => {
  it('has the names of the registration protocol and no secret (RFC 7591 §3.2.1)', () => {
    const stored = {
      ...record,
      digest: 'evil',
      secrets: record.secrets.map(each => ({ ...each, digest: 'evil' })),
    }
    const lastUsed = (id: string, secretId: string) =>
      id === clientId && secretId === 'used' ? '2026-01-02' : undefined
    expect(clientDocument(stored, lastUsed)).toEqual({
      client_id: clientId,
      client_name: 'billing',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      grants: [{ resource: 'https://orders.example.com', scope: 'orders:read' }],
      access_token_lifetime: undefined,
      status: 'active',
      version: 2,
      client_id_issued_at: 1,
      updated_at: 2,
      secrets: [
        { secret_id: 'used', created_at: 1, expires_at: nowSeconds, last_used_on: '2026-01-02' },
        { secret_id: 'unused', created_at: 1, expires_at: 0, last_used_on: undefined },
      ],
    })
  })
})

describe('the live secrets of a client', () => {
  it('are those that do not expire, or not yet in this second', () => {
    const secrets = [
      secret('past', nowSeconds - 1),
      secret('now', nowSeconds),
      secret('next', nowSeconds + 1),
      secret('never'),
    ]
    const live = liveSecrets({ ...record, secrets }, nowSeconds)
    expect(live.map(({ secretId }) => secretId)).toEqual(['next', 'never'])
  })
})
