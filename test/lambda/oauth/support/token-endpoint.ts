import type { RecentFailures } from '../../../../lambda/oauth/authentication-failures.ts'
import type { Client } from '../../../../lambda/oauth/client.ts'
import type { ClientAuthenticationPorts } from '../../../../lambda/oauth/client-authentication.ts'
import { digestSecret, formatSecret } from '../../../../lambda/oauth/client-secret.ts'
import type { DecisionFacts } from '../../../../lambda/oauth/decision-facts.ts'
import { errorResponse } from '../../../../lambda/oauth/endpoint-response.ts'
import type { HttpRequest } from '../../../../lambda/oauth/http.ts'
import { issueToken, type TokenEndpoint } from '../../../../lambda/oauth/issue-token.ts'
import { OAuthError } from '../../../../lambda/oauth/oauth-error.ts'
import { audience, clientId, issuer, nowSeconds, signingKey, signRaw } from './token-maker.ts'

export const secret = formatSecret(new Uint8Array(32).fill(7))
export const otherSecret = formatSecret(new Uint8Array(32).fill(8))

export const storedSecret = {
  secretId: 'secret-1',
  digest: digestSecret(secret),
  createdAt: 0,
  expiresAt: undefined,
}

export const client: Client = {
  clientId,
  status: 'active',
  tokenEndpointAuthMethod: 'client_secret_basic',
  grants: [{ resource: audience, scope: ['orders:read', 'orders:write'] }],
  accessTokenLifetimeSeconds: undefined,
  secrets: [storedSecret],
  jwks: undefined,
  jwksUri: undefined,
  tokenEndpointAuthSigningAlg: undefined,
  resourceServer: undefined,
  tokensRevokedUpTo: 0,
}

export const sourceIp = '192.0.2.1'

export function basicHeader(id: string, text: string): string {
  return `Basic ${Buffer.from(`${id}:${text}`).toString('base64')}`
}

export function formRequest(parameters: Record<string, string>, authorization?: string): HttpRequest {
  return {
    method: 'POST',
    rawQueryString: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization },
    body: new URLSearchParams(parameters).toString(),
    isBase64Encoded: false,
    sourceIp,
  }
}

/** Client authentication over fake ports, which note what is asked of them. */
export function clientAuthenticationPorts(
  calls: string[],
  found: Client | 'malformed' | 'unknown' = client,
  failures?: RecentFailures,
): ClientAuthenticationPorts {
  const claimed = new Set<string>()
  return {
    issuer,
    failureLimit: { failures: 20, windowSeconds: 60 },
    findClient: async () => {
      calls.push('findClient')
      return { client: found === 'unknown' ? undefined : found, failures }
    },
    recordFailure: async () => {
      calls.push('recordFailure')
    },
    fetchClientKeys: async uri => {
      calls.push(`fetchClientKeys ${uri}`)
      return 'unavailable'
    },
    claimAssertion: async (id, { jti }) => {
      calls.push('claimAssertion')
      const isFirst = !claimed.has(`${id} ${jti}`)
      claimed.add(`${id} ${jti}`)
      return isFirst
    },
    recordSecretUse: async (_, secretId) => {
      calls.push(`recordSecretUse ${secretId}`)
    },
  }
}

/** The token endpoint over fake ports, which notes what it asks of them. */
export function newTokenEndpoint(found: Client | 'malformed' | 'unknown' = client) {
  const calls: string[] = []
  const endpoint: TokenEndpoint = {
    accessTokenLifetimeSeconds: 600,
    ...clientAuthenticationPorts(calls, found),
    findResourceServer: async grant => {
      calls.push('findResourceServer')
      return {
        audience: grant.audience,
        scopes: new Set(grant.scope),
        accessTokenLifetimeSeconds: undefined,
      }
    },
    findSigningKeys: async () => {
      calls.push('findSigningKeys')
      return [signingKey]
    },
    sign: async input => {
      calls.push('sign')
      return signRaw(input)
    },
    newTokenId: () => 'token-id',
  }
  /** What a client sees, and what the audit event says. */
  const request = async (http: HttpRequest, now = nowSeconds) => {
    const facts: DecisionFacts = {}
    try {
      return { response: await issueToken(http, endpoint, now, facts), reason: 'ok', facts }
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      return { response: errorResponse(error), reason: error.reason, facts }
    }
  }
  return { calls, endpoint, request }
}
