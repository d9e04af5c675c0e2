import { type AccessTokenClaims, maxAccessTokenLifetimeSeconds } from './access-token-claims.ts'
import { isClientId } from './client.ts'
import { parseScope } from './scope.ts'

/** How far another machine's clock may be off, in seconds: tolerated in `nbf` and `iat`, never in `exp`. */
export const clockSkewSeconds = 10

export type ClaimRefusal =
  | 'claims_malformed'
  | 'issuer_mismatch'
  | 'audience_mismatch'
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'lifetime_too_long'
  | 'confirmation_unsupported'

/** Checked claims, with the scope parsed. */
export interface CheckedClaims {
  readonly claims: AccessTokenClaims & { readonly nbf?: number }
  readonly scope: readonly string[]
}

/**
 * Checks the claims of an access token (RFC 9068 §2.2 and §4), whatever a library checked before: every required claim
 * is there and of its type, the issuer and the audience are exactly ours, and `exp - iat` is no longer than we issue.
 * Times are not compared with the clock here: see `checkTimes`, which runs for every request.
 *
 * @param audience undefined = any one audience of this issuer
 */
export function checkClaims(
  claims: Readonly<Record<string, unknown>>,
  issuer: string,
  audience: string | undefined,
): CheckedClaims | ClaimRefusal {
  const { iss, sub, client_id, aud, scope = '', iat, exp, nbf, jti } = claims
  if (iss !== issuer) return 'issuer_mismatch'
  if (typeof aud !== 'string' || aud === '') return 'audience_mismatch'
  if (audience !== undefined && aud !== audience) return 'audience_mismatch'
  if (typeof sub !== 'string' || sub === '' || sub !== client_id || !isClientId(sub))
    return 'claims_malformed'
  if (typeof jti !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(jti)) return 'claims_malformed'
  if (!isEpochSeconds(iat) || !isEpochSeconds(exp)) return 'claims_malformed'
  if (nbf !== undefined && !isEpochSeconds(nbf)) return 'claims_malformed'
  if (exp <= iat || exp - iat > maxAccessTokenLifetimeSeconds) return 'lifetime_too_long'
  // A sender-constrained token presented as a bearer token (RFC 9449 §7.2, RFC 8705 §3).
  if ('cnf' in claims) return 'confirmation_unsupported'
  if (typeof scope !== 'string') return 'claims_malformed'
  const tokens = scope === '' ? [] : parseScope(scope)
  if (tokens === undefined || tokens.join(' ') !== scope) return 'claims_malformed'
  const checked = { iss, sub, client_id, aud, scope, iat, exp, jti, ...(nbf === undefined ? {} : { nbf }) }
  return { claims: checked as CheckedClaims['claims'], scope: tokens }
}

function isEpochSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

/** Compares a token's times with the clock: `exp` strictly, `nbf` and `iat` with the skew (RFC 7519 §4.1.4–4.1.6). */
export function checkTimes(
  { exp, iat, nbf }: { readonly exp: number; readonly iat: number; readonly nbf?: number },
  nowSeconds: number,
): ClaimRefusal | undefined {
  if (nowSeconds >= exp) return 'token_expired'
  const latest = nowSeconds + clockSkewSeconds
  return iat > latest || (nbf !== undefined && nbf > latest) ? 'token_not_yet_valid' : undefined
}
