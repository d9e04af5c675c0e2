import type { ClientKey } from '../client-keys.ts'
import { formatScope } from '../scope.ts'
import type { ClientRecord } from './client-record.ts'

/** Finds the day (YYYY-MM-DD) on which a secret was last used. */
export type LastUsed = (clientId: string, secretId: string) => string | undefined

/** A client as the admin API shows it: RFC 7591 §2 and §3.2.1 names; never a secret or a digest. */
export function clientDocument(client: ClientRecord, lastUsed: LastUsed) {
  return {
    client_id: client.clientId,
    client_name: client.clientName,
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    token_endpoint_auth_signing_alg: client.tokenEndpointAuthSigningAlg,
    jwks: client.jwks && { keys: client.jwks.map(publicJwk) },
    jwks_uri: client.jwksUri,
    grant_types: ['client_credentials'],
    grants: client.grants.map(({ resource, scope }) => ({ resource, scope: formatScope(scope) })),
    resource_server: client.resourceServer,
    access_token_lifetime: client.accessTokenLifetimeSeconds,
    status: client.status,
    managed_by: client.declaration && 'deployment',
    secret_arn: client.declaration?.secret?.arn,
    version: client.version,
    client_id_issued_at: client.createdAt,
    updated_at: client.updatedAt,
    secrets: client.secrets.map(secret => ({
      secret_id: secret.secretId,
      created_at: secret.createdAt,
      expires_at: secret.expiresAt ?? 0,
      last_used_on: lastUsed(client.clientId, secret.secretId),
    })),
  }
}

function publicJwk({ kid, algorithm, jwk }: ClientKey) {
  return { ...jwk, kid, alg: algorithm, use: 'sig' }
}
