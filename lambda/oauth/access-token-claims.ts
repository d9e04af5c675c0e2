import type { Client } from './client.ts'
import type { Grant } from './grant.ts'
import { formatScope } from './scope.ts'

/** The claims of an access token (RFC 9068 §2.2). Times are epoch seconds. */
export interface AccessTokenClaims {
  /** The issuer (RFC 7519 §4.1.1). */
  readonly iss: string
  /** The client again: it acts for itself. */
  readonly sub: string
  /** The client that the token was issued to. */
  readonly client_id: string
  /** The one resource server that the token is for (RFC 8707 §2). */
  readonly aud: string
  /** What was granted: scope tokens with single spaces between them (RFC 6749 §3.3). */
  readonly scope: string
  /** When it was issued. */
  readonly iat: number
  /** From when on it is refused. */
  readonly exp: number
  /** The token's identifier, by which it is revoked. */
  readonly jti: string
}

/** The longest an access token may live, in seconds; what a verifier accepts as well. */
export const maxAccessTokenLifetimeSeconds = 3600
export const minAccessTokenLifetimeSeconds = 60

/**
 * Builds the claims of a token. `iat` and `exp` come from one reading of the clock; when the client's tokens were
 * revoked up to a moment that is not past yet, `iat` is the second after it, so that a client that was enabled again
 * gets a working token at once.
 */
export function buildAccessTokenClaims(
  issuer: string,
  client: Pick<Client, 'clientId' | 'tokensRevokedUpTo'>,
  grant: Grant,
  lifetimeSeconds: number,
  nowSeconds: number,
  jti: string,
): AccessTokenClaims {
  const iat = Math.max(nowSeconds, client.tokensRevokedUpTo + 1)
  return {
    iss: issuer,
    sub: client.clientId,
    client_id: client.clientId,
    aud: grant.audience,
    scope: formatScope(grant.scope),
    iat,
    exp: iat + lifetimeSeconds,
    jti,
  }
}
