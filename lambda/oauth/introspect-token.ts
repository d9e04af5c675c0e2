import {
  type AuthenticatedClient,
  authenticateClient,
  type ClientAuthenticationPorts,
  recordSecretUse,
} from './client-authentication.ts'
import type { DecisionFacts } from './decision-facts.ts'
import { jsonResponse } from './endpoint-response.ts'
import { type Form, parseForm } from './form.ts'
import type { HttpRequest, HttpResponse } from './http.ts'
import { OAuthError } from './oauth-error.ts'
import type { RevocableToken } from './revocation.ts'
import { type AccessTokenVerification, type VerifiedToken, verifyAccessToken } from './verify-access-token.ts'

export interface IntrospectionEndpoint extends ClientAuthenticationPorts, AccessTokenVerification {
  /** Strongly consistent: a revocation that was acknowledged is seen. @throws Unavailable */
  readonly isRevoked: (token: RevocableToken) => Promise<boolean>
}

export interface IntrospectionResult {
  readonly response: HttpResponse
  /** Why the token is reported as it is, for the audit log; an inactive one is `{"active":false}` whatever the reason. */
  readonly reason: 'ok' | 'not_a_live_token' | 'token_revoked' | 'token_of_other_audience'
}

/**
 * The introspection endpoint (RFC 7662 §2). A token is described to the resource server that it is for and to the
 * client that it was issued to; for everyone else, and for a token that is no longer or never was valid, the answer is
 * the same two words (RFC 7662 §2.2 and §4). The hint is ignored, as there is one kind of token.
 *
 * @throws OAuthError; Unavailable, answered 503
 */
export async function introspectToken(
  request: HttpRequest,
  endpoint: IntrospectionEndpoint,
  nowSeconds: number,
  facts: DecisionFacts,
): Promise<IntrospectionResult> {
  const form = parseForm(request)
  const authentication = await authenticateClient(request, form, endpoint, nowSeconds, facts)
  const result = await introspectFor(authentication.client, form, endpoint, nowSeconds, facts)
  await recordSecretUse(authentication, endpoint, nowSeconds)
  return result
}

async function introspectFor(
  client: AuthenticatedClient,
  form: Form,
  endpoint: IntrospectionEndpoint,
  nowSeconds: number,
  facts: DecisionFacts,
): Promise<IntrospectionResult> {
  const text = form.get('token')
  if (text === undefined) throw new OAuthError('token_missing')
  const token = await verifyAccessToken(text, endpoint, nowSeconds)
  if (typeof token === 'string') return inactive('not_a_live_token')
  facts.jti = token.jti
  facts.audience = token.claims.aud
  const mayKnow = token.claims.aud === client.resourceServer || token.clientId === client.clientId
  if (!mayKnow) return inactive('token_of_other_audience')
  if (await endpoint.isRevoked(token)) return inactive('token_revoked')
  return { response: jsonResponse(describe(token)), reason: 'ok' }
}

function inactive(reason: IntrospectionResult['reason']): IntrospectionResult {
  return { response: jsonResponse({ active: false }), reason }
}

/** RFC 7662 §2.2: the token's claims under the names that they have there. */
function describe({ claims }: VerifiedToken) {
  const { iss, sub, client_id, aud, scope, iat, exp, nbf, jti } = claims
  return { active: true, token_type: 'Bearer', scope, client_id, sub, aud, iss, iat, exp, nbf, jti }
}
