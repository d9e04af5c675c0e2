import type { Client } from './client.ts'
import type { Grant } from './grant.ts'
import { formatScope } from './scope.ts'

/** The claims of an access token (RFC 9068 §2.2). Times are epoch seconds. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly client_id: string
  readonly aud: string
  readonly scope: string
  readonly iat: number
  readonly exp: number
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
