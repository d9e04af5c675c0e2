import { maxAccessTokenLifetimeSeconds } from './access-token-claims.ts'
import { clockSkewSeconds } from './check-claims.ts'

/** What is revoked: one token, everything of a client up to a moment, a signing key, or everything up to a moment. */
export type Revocation =
  | { readonly kind: 'jti'; readonly jti: string; readonly expiresAt: number }
  | {
      readonly kind: 'client'
      readonly clientId: string
      readonly revokedUpTo: number
      readonly expiresAt: number
    }
  | { readonly kind: 'kid'; readonly kid: string; readonly expiresAt: number }
  | { readonly kind: 'all'; readonly revokedUpTo: number; readonly expiresAt: number }

/** What of a token a revocation can match. Always from verified claims, never from the token's text. */
export interface RevocableToken {
  readonly jti: string
  readonly clientId: string
  readonly kid: string
  readonly iat: number
}

/** A record outlives what it revokes by twice the clock skew and a minute. */
const marginSeconds = 2 * clockSkewSeconds + 60

export function revokeToken(jti: string, exp: number): Revocation {
  return { kind: 'jti', jti, expiresAt: exp + marginSeconds }
}

export function revokeClientTokens(clientId: string, revokedUpTo: number): Revocation {
  const expiresAt = revokedUpTo + maxAccessTokenLifetimeSeconds + marginSeconds
  return { kind: 'client', clientId, revokedUpTo, expiresAt }
}

/** @param lastExpiry epoch seconds: no token of the key lives longer */
export function revokeKey(kid: string, lastExpiry: number): Revocation {
  return { kind: 'kid', kid, expiresAt: lastExpiry + marginSeconds }
}

export function revokeAllTokens(revokedUpTo: number): Revocation {
  return {
    kind: 'all',
    revokedUpTo,
    expiresAt: revokedUpTo + maxAccessTokenLifetimeSeconds + marginSeconds,
  }
}

/** The sort key of the revocations table; the partition key is a shard of it. */
export function revocationSubject(revocation: Revocation): string {
  switch (revocation.kind) {
    case 'jti':
      return `jti#${revocation.jti}`
    case 'client':
      return `client#${revocation.clientId}`
    case 'kid':
      return `kid#${revocation.kid}`
    case 'all':
      return 'all'
  }
}

/** The subjects of every record that could revoke this token. */
export function subjectsOf(token: RevocableToken): readonly string[] {
  return [`jti#${token.jti}`, `client#${token.clientId}`, `kid#${token.kid}`, 'all']
}

/** Which partition a subject lies in: FNV-1a over its UTF-16 code units, modulo the number of shards. */
export function shardOf(subject: string, shards: number): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < subject.length; index++) {
    hash = Math.imul(hash ^ subject.charCodeAt(index), 0x01000193) >>> 0
  }
  return String(hash % shards)
}

/** Whether a record revokes a token. An expired record revokes nothing: the store deletes late. */
export function revokes(revocation: Revocation, token: RevocableToken, nowSeconds: number): boolean {
  if (revocation.expiresAt <= nowSeconds) return false
  switch (revocation.kind) {
    case 'jti':
      return revocation.jti === token.jti
    case 'client':
      return revocation.clientId === token.clientId && token.iat <= revocation.revokedUpTo
    case 'kid':
      return revocation.kid === token.kid
    case 'all':
      return token.iat <= revocation.revokedUpTo
  }
}
