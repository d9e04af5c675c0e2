import type { ClientRecord } from '../../../lambda/oauth/administration/client-record.ts'
import { digestSecret, formatSecret } from '../../../lambda/oauth/client-secret.ts'
import type { Attributes } from './local-store.ts'

export const issuer = 'https://auth.example.com'
export const ordersAudience = 'https://orders.example.com'

/** The secret of `clientItem`: made from fixed bytes, so that it opens nothing else. */
export const clientSecret = formatSecret(new Uint8Array(32).fill(7))
export const secretId = '0123456789abcdef'

/** A client as administration writes it: two scopes at one resource server, one secret. */
export function clientItem(clientId: string, changes: Attributes = {}): Attributes {
  return {
    client_id: { S: clientId },
    client_name: { S: 'Nightly export' },
    token_endpoint_auth_method: { S: 'client_secret_basic' },
    grants: { L: [{ M: { resource: { S: ordersAudience }, scope: { S: 'orders:read orders:write' } } }] },
    status: { S: 'active' },
    version: { N: '1' },
    write_id: { S: 'first-write' },
    created_at: { N: '1700000000' },
    updated_at: { N: '1700000000' },
    tokens_revoked_up_to: { N: '0' },
    secrets: { L: [{ M: { secret_id: { S: secretId }, created_at: { N: '1700000000' } } }] },
    secret_digests: { M: { [secretId]: { B: digestSecret(clientSecret) } } },
    ...changes,
  }
}

/** The resource server that `clientItem` has its grant at. */
export const ordersServerItem: Attributes = {
  audience: { S: ordersAudience },
  scopes: {
    L: ['orders:read', 'orders:write'].map(scope => ({
      M: { scope: { S: scope }, description: { S: '' } },
    })),
  },
  managed_by: { S: 'administration' },
  version: { N: '1' },
  created_at: { N: '1700000000' },
  updated_at: { N: '1700000000' },
}

/** The record of `clientItem`, as administration reads it. */
export function clientRecord(clientId: string, changes: Partial<ClientRecord> = {}): ClientRecord {
  return {
    clientId,
    clientName: 'Nightly export',
    tokenEndpointAuthMethod: 'client_secret_basic',
    grants: [{ resource: ordersAudience, scope: ['orders:read', 'orders:write'] }],
    accessTokenLifetimeSeconds: undefined,
    jwks: undefined,
    jwksUri: undefined,
    tokenEndpointAuthSigningAlg: undefined,
    resourceServer: undefined,
    status: 'active',
    version: 1,
    createdAt: 1_700_000_000,
    updatedAt: 1_700_000_000,
    tokensRevokedUpTo: 0,
    secrets: [{ secretId, createdAt: 1_700_000_000, expiresAt: undefined }],
    ...changes,
  }
}
