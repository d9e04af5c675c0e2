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
  /** The scopes of that audience that the client may ask for, and gets when it asks for none. At least one. */
  readonly scopes: readonly string[]
}

/** A public key of a client (RFC 7517 §4). */
export type PublicJwk = Readonly<Record<string, unknown>>

/** A client that the app declares. All of it is known at synthesis. */
export interface ClientOptions {
  /** For people, in administration and on the dashboard. 1 to 100 characters. */
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
   * How the client authenticates (RFC 7591 §2), and no other way. `private_key_jwt` has keys and no secret.
   *
   * @default 'private_key_jwt' where `jwks` or `jwksUri` is given, else 'client_secret_basic'
   */
  readonly tokenEndpointAuthMethod?: TokenEndpointAuthMethod

  /**
   * The client's public keys (RFC 7517 §5), at most 10.
   *
   * @default - they are at `jwksUri`, or the client has a secret
   */
  readonly jwks?: { readonly keys: readonly PublicJwk[] }

  /**
   * Where the client publishes its public keys: an https URL of a public host.
   *
   * @default - they are in `jwks`, or the client has a secret
   */
  readonly jwksUri?: string

  /**
   * The one algorithm of the client's assertions: ES256, RS256, PS256 or EdDSA.
   *
   * @default - that of its keys
   */
  readonly tokenEndpointAuthSigningAlg?: JwsAlgorithm

  /**
   * The audience that the client is the resource server of: it may introspect that audience's tokens.
   *
   * @default - none
   */
  readonly resourceServer?: string

  /**
   * How often Secrets Manager has the client's secret rotated. 4 hours to 365 days, in whole hours; 0 turns it off.
   * For clients with a secret.
   *
   * @default Duration.days(90)
   */
  readonly secretRotation?: Duration

  /**
   * How long the older secret works beside a new one. Programs that keep a secret in memory must read it again within
   * this time. 0 seconds to 30 days, shorter than `secretRotation`. For clients with a secret.
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
