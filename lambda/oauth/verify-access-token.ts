import { type CheckedClaims, type ClaimRefusal, checkClaims, checkTimes } from './check-claims.ts'
import type { RevocableToken } from './revocation.ts'
import type { SigningKey } from './signing-key.ts'
import { type GateRefusal, parseUnverifiedToken } from './token-gate.ts'

/** A token whose signature, claims and times hold. Whether it is revoked is another question. */
export interface VerifiedToken extends CheckedClaims, RevocableToken {}

export type TokenRefusal = GateRefusal | ClaimRefusal | 'key_unknown' | 'signature_invalid'

export interface AccessTokenVerification {
  readonly issuer: string
  /** The one audience to accept; undefined = any of this issuer. */
  readonly audience: string | undefined
  /** The trusted key with this identifier. @throws Unavailable */
  readonly findKey: (kid: string) => Promise<SigningKey | undefined>
  /** Whether the signature over the token's first two segments is this key's. */
  readonly verifySignature: (token: string, key: SigningKey) => boolean
}

/**
 * Verifies an access token (RFC 9068 §4, RFC 8725): the strict gate, the key by its identifier, the claims, the times
 * and the signature, the cheap before the dear.
 */
export async function verifyAccessToken(
  token: string,
  verification: AccessTokenVerification,
  nowSeconds: number,
): Promise<VerifiedToken | TokenRefusal> {
  const unverified = parseUnverifiedToken(token)
  if (typeof unverified === 'string') return unverified
  const key = await verification.findKey(unverified.kid)
  if (key === undefined || key.algorithm !== unverified.algorithm) return 'key_unknown'
  const checked = checkClaims(unverified.claims, verification.issuer, verification.audience)
  if (typeof checked === 'string') return checked
  const timeRefusal = checkTimes(checked.claims, nowSeconds)
  if (timeRefusal !== undefined) return timeRefusal
  if (!verification.verifySignature(token, key)) return 'signature_invalid'
  const { jti, client_id: clientId, iat } = checked.claims
  return { ...checked, jti, clientId, kid: key.kid, iat }
}
