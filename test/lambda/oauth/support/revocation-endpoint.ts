import type { Client } from '../../../../lambda/oauth/client.ts'
import type { DecisionFacts } from '../../../../lambda/oauth/decision-facts.ts'
import { OAuthError } from '../../../../lambda/oauth/oauth-error.ts'
import type { Revocation } from '../../../../lambda/oauth/revocation.ts'
import { type RevocationEndpoint, revokeOwnToken } from '../../../../lambda/oauth/revoke-token.ts'
import { basicHeader, client, clientAuthenticationPorts, formRequest, secret } from './token-endpoint.ts'
import { clientId, nowSeconds, signingKey, verifySignature } from './token-maker.ts'

/** The revocation endpoint over fake ports, which notes what it asks of them. */
export function newRevocationEndpoint(found: Client | undefined = client) {
  const calls: string[] = []
  const revocations: Revocation[] = []
  const endpoint: RevocationEndpoint = {
    ...clientAuthenticationPorts(calls, found),
    audience: undefined,
    findKey: async kid => (kid === signingKey.kid ? signingKey : undefined),
    verifySignature,
    writeRevocation: async revocation => {
      calls.push('writeRevocation')
      revocations.push(revocation)
    },
  }
  const revoke = async (
    parameters: Record<string, string>,
    authorization = basicHeader(clientId, secret),
  ) => {
    const facts: DecisionFacts = {}
    const request = formRequest(parameters, authorization)
    try {
      return { ...(await revokeOwnToken(request, endpoint, nowSeconds, facts)), facts }
    } catch (error) {
      if (error instanceof OAuthError) return { response: undefined, reason: error.reason, facts }
      throw error
    }
  }
  return { calls, revocations, endpoint, revoke }
}
