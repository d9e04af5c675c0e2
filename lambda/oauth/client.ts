import type { ClientKey } from './client-keys.ts'
import type { ClientSecret } from './client-secret.ts'
import type { JwsAlgorithm } from './public-key.ts'

export const tokenEndpointAuthMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const

/** RFC 7591 §2 `token_endpoint_auth_method`: the one method this client may use. */
export type TokenEndpointAuthMethod = (typeof tokenEndpointAuthMethods)[number]

/** What a client may be granted at one resource server: the registered scopes of that audience. */
export interface ResourceGrant {
  readonly resource: string
  readonly scope: readonly string[]
}

/** A registered client, as the token, revocation and introspection endpoints see it. */
export interface Client {
  readonly clientId: string
  readonly status: 'active' | 'disabled'
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod
  readonly grants: readonly ResourceGrant[]
  /** Seconds; undefined = the server's default. */
  readonly accessTokenLifetimeSeconds: number | undefined
  readonly secrets: readonly ClientSecret[]
  /** RFC 7591 §2 `jwks`: the registered public keys of `private_key_jwt`; undefined = at `jwksUri`, or another method. */
  readonly jwks: readonly ClientKey[] | undefined
  readonly jwksUri: string | undefined
  /** The one algorithm of its assertions; undefined = each key has its own. */
  readonly tokenEndpointAuthSigningAlg: JwsAlgorithm | undefined
  /** The audience whose tokens this client may introspect, as the resource server of that name; undefined = none. */
  readonly resourceServer: string | undefined
  /** The client's moment: tokens with `iat` up to this epoch second are revoked. 0 = none. */
  readonly tokensRevokedUpTo: number
}

/**
 * What may be looked up at all. Identifiers that we make are 32 hexadecimal characters; the wider grammar leaves room
 * for imported ones and keeps separators of keys (`#`) and over-long keys away from the store.
 */
export function isClientId(text: string): boolean {
  return /^[A-Za-z0-9._~-]{1,64}$/.test(text)
}
