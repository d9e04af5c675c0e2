import {
  type AuthenticatedClient,
  authenticateClient,
  type ClientAuthenticationPorts,
  recordSecretUse,
} from './client-authentication.ts'
import type { DecisionFacts } from './decision-facts.ts'
import { emptyResponse } from './endpoint-response.ts'
import { type Form, parseForm } from './form.ts'
import type { HttpRequest, HttpResponse } from './http.ts'
import { OAuthError } from './oauth-error.ts'
import { type Revocation, revokeToken } from './revocation.ts'
import { type AccessTokenVerification, verifyAccessToken } from './verify-access-token.ts'

export interface RevocationEndpoint extends ClientAuthenticationPorts, AccessTokenVerification {
  /** Returns once the record is durable. @throws Unavailable */
  readonly writeRevocation: (revocation: Revocation) => Promise<void>
}

export interface RevocationResult {
  readonly response: HttpResponse
  /** `not_a_live_token`: nothing to revoke, which the client cannot tell from success (RFC 7009 §2.2). */
  readonly reason: 'ok' | 'not_a_live_token'
}

/**
 * The revocation endpoint (RFC 7009 §2): a client revokes a token of its own. Only a token that verifies is recorded,
 * by its `jti`, so that nobody can revoke with a forged one; the hint is ignored, as there is one kind of token.
 *
 * @throws OAuthError; Unavailable, answered 503, when the record could not be written: never 200
 */
export async function revokeOwnToken(
  request: HttpRequest,
  endpoint: RevocationEndpoint,
  nowSeconds: number,
  facts: DecisionFacts,
): Promise<RevocationResult> {
  const form = parseForm(request)
  const authentication = await authenticateClient(request, form, endpoint, nowSeconds, facts)
  const result = await revokeFor(authentication.client, form, endpoint, nowSeconds, facts)
  await recordSecretUse(authentication, endpoint, nowSeconds)
  return result
}

async function revokeFor(
  client: AuthenticatedClient,
  form: Form,
  endpoint: RevocationEndpoint,
  nowSeconds: number,
  facts: DecisionFacts,
): Promise<RevocationResult> {
  const text = form.get('token')
  if (text === undefined) throw new OAuthError('token_missing')
  const token = await verifyAccessToken(text, endpoint, nowSeconds)
  if (typeof token === 'string') return { response: emptyResponse(), reason: 'not_a_live_token' }
  facts.jti = token.jti
  facts.audience = token.claims.aud
  if (token.clientId !== client.clientId) throw new OAuthError('token_of_other_client')
  await endpoint.writeRevocation(revokeToken(token.jti, token.claims.exp))
  return { response: emptyResponse(), reason: 'ok' }
}
