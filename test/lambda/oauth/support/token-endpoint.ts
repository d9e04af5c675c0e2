import type { Client } from '../../../../lambda/oauth/client.ts'
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
  tokensRevokedUpTo: 0,
}

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
  }
}

/** The token endpoint over fake ports, which notes what it asks of them. */
export function newTokenEndpoint(found: Client | 'malformed' | 'unknown' = client) {
  const calls: string[] = []
  const endpoint: TokenEndpoint = {
    issuer,
    accessTokenLifetimeSeconds: 600,
    findClient: async () => {
      calls.push('findClient')
      return found === 'unknown' ? undefined : found
    },
    findSigningKey: async () => {
      calls.push('findSigningKey')
      return signingKey
    },
    sign: async input => {
      calls.push('sign')
      return signRaw(input)
    },
    recordSecretUse: async (_, secretId) => {
      calls.push(`recordSecretUse ${secretId}`)
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
