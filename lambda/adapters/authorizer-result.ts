import type { AccessDecision } from '../oauth/authorize.ts'
import type { VerifiedToken } from '../oauth/verify-access-token.ts'

/** What the integration of an HTTP API finds at `requestContext.authorizer.lambda`. */
export interface AuthorizerContext {
  readonly clientId: string
  readonly scope: string
  readonly jti: string
  readonly audience: string
  /** Epoch seconds. */
  readonly expiresAt: number
}

export type AuthorizerResult =
  | { readonly isAuthorized: boolean; readonly context?: AuthorizerContext }
  | { readonly errorMessage: 'Unauthorized' }

/**
 * Maps a decision to what an HTTP API understands (Lambda authorizer, payload format 2.0, simple responses), which can
 * set neither the body nor the headers of a refusal:
 *
 * - allowed: the request passes, with the context
 * - `invalid_token`: 401 `{"message":"Unauthorized"}`, by a result that looks like an error of that name
 * - `insufficient_scope`: 403 `{"message":"Forbidden"}`
 * - failed: an error, which is 500 `{"message":"Internal Server Error"}`; it is never cached and tells a client to
 *   try again rather than to fetch another token
 */
export function authorizerResult(decision: AccessDecision): AuthorizerResult {
  if (decision.outcome === 'failed') throw new Error(decision.reason)
  if (decision.outcome === 'refused') {
    return decision.error === 'invalid_token' ? { errorMessage: 'Unauthorized' } : { isAuthorized: false }
  }
  return { isAuthorized: true, context: authorizerContext(decision.token) }
}

export function authorizerContext({ claims, clientId, jti }: VerifiedToken): AuthorizerContext {
  const { scope, aud: audience, exp: expiresAt } = claims
  return { clientId, scope, jti, audience, expiresAt }
}
