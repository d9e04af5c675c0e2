import type { Duration } from 'aws-cdk-lib'
import { AdministrationError } from '../lambda/oauth/administration/administration-error.ts'
import { parseRegistration } from '../lambda/oauth/administration/client-metadata.ts'
import type { TokenEndpointAuthMethod } from '../lambda/oauth/client.ts'
import type { JwsAlgorithm } from '../lambda/oauth/public-key.ts'
import { wholeSeconds } from './limits.ts'

/** What a client may be granted at one protected API. */
export interface ClientGrant {
  /** The API's audience, as `addResourceServer` or administration has registered it. */
  readonly audience: string
  /** The scopes of that audience that the client may ask for, and has when it asks for none. At least one, each once. */
  readonly scopes: readonly string[]
}

/** A public key of a client (RFC 7517 §4). */
export type PublicJwk = Readonly<Record<string, unknown>>

/** A client that the app declares. All of it is known at synthesis. */
export interface ClientOptions {
  /** For people, in administration. It need not be the only one of its name. 1 to 100 characters. */
  readonly clientName: string

  /**
   * What the client may be granted. At most 50 audiences, each once.
   *
   * @default - nothing; only a client with `resourceServer` can do without
   */
  readonly grants?: readonly ClientGrant[]

  /**
   * How long the client's access tokens are valid. 60 to 3600 seconds.
   *
   * @default - as the resource server has it, else the server's `accessTokenLifetime`
   */
  readonly accessTokenLifetime?: Duration

  /**
   * How the client authenticates (RFC 7591 §2), and no other way: `client_secret_basic`, `client_secret_post`, or
   * `private_key_jwt` (RFC 7523), which has keys and no secret.
   *
   * @default 'private_key_jwt' where `jwks` or `jwksUri` is given, else 'client_secret_basic'
   */
  readonly tokenEndpointAuthMethod?: TokenEndpointAuthMethod

  /**
   * The client's public keys (RFC 7517 §5): 1 to 10 of one algorithm (RSA of 2048 to 4096 bits, P-256 or Ed25519), each
   * with a `kid` where there are several. For `private_key_jwt`; not beside `jwksUri`.
   *
   * @default - they are at `jwksUri`, or the client has a secret
   */
  readonly jwks?: { readonly keys: readonly PublicJwk[] }

  /**
   * Where the client publishes its public keys: an https URL of a public host, at most 512 characters. Read when it is
   * needed, kept for five minutes. For `private_key_jwt`; not beside `jwks`.
   *
   * @default - they are in `jwks`, or the client has a secret
   */
  readonly jwksUri?: string

  /**
   * The one algorithm of the client's assertions (RFC 7591 §2): ES256, RS256, PS256 or EdDSA. For `private_key_jwt`.
   *
   * @default - that of `jwks`; with `jwksUri`, each key's own
   */
  readonly tokenEndpointAuthSigningAlg?: JwsAlgorithm

  /**
   * The audience that the client is the resource server of: it may introspect that audience's tokens (RFC 7662).
   *
   * @default - it is none: it may introspect its own tokens
   */
  readonly resourceServer?: string

  /**
   * How often Secrets Manager has the client's secret rotated. 4 hours to 365 days, in whole hours; 0 turns it off.
   * Must not be set for a client of `private_key_jwt`.
   *
   * @default Duration.days(90)
   */
  readonly secretRotation?: Duration

  /**
   * How long the older secret works beside a new one. Programs that keep a secret in memory must read it again within
   * this time. 0 seconds to 30 days, shorter than `secretRotation`. Must not be set for a client of `private_key_jwt`.
   *
   * @default Duration.days(1)
   */
  readonly secretOverlap?: Duration
}

/**
 * The metadata of a client with the names of RFC 7591 §2, as the custom resource has it.
 *
 * @throws Error when it is malformed
 */
export function clientMetadata(id: string, options: ClientOptions): Readonly<Record<string, unknown>> {
  const { accessTokenLifetime, jwks, jwksUri } = options
  const hasKeys = jwks !== undefined || jwksUri !== undefined
  const metadata = withoutAbsent({
    client_name: options.clientName,
    token_endpoint_auth_method:
      options.tokenEndpointAuthMethod ?? (hasKeys ? 'private_key_jwt' : 'client_secret_basic'),
    token_endpoint_auth_signing_alg: options.tokenEndpointAuthSigningAlg,
    grants: (options.grants ?? []).map(({ audience, scopes }) => ({
      resource: audience,
      scope: scopes.join(' '),
    })),
    resource_server: options.resourceServer,
    access_token_lifetime:
      accessTokenLifetime &&
      wholeSeconds(`accessTokenLifetime of client "${id}"`, accessTokenLifetime, { min: 60, max: 3600 }),
    jwks,
    jwks_uri: jwksUri,
  })
  try {
    parseRegistration(metadata)
  } catch (error) {
    if (!(error instanceof AdministrationError)) throw error
    throw new Error(`client "${id}": ${error.detail}`, { cause: error })
  }
  return metadata
}

function withoutAbsent(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}
