import { endpointPaths } from '../lambda/oauth/metadata.ts'

/** Where the endpoints of an authorization server are. */
export interface Endpoints {
  readonly tokenEndpoint: string
  readonly revocationEndpoint: string
  readonly introspectionEndpoint: string
  readonly jwksUri: string
  readonly adminEndpoint: string
}

/** The endpoints have fixed places below the issuer, which its metadata names (RFC 8414 §2). */
export function endpointsBelow(issuer: string): Endpoints {
  return {
    tokenEndpoint: issuer + endpointPaths.token,
    revocationEndpoint: issuer + endpointPaths.revocation,
    introspectionEndpoint: issuer + endpointPaths.introspection,
    jwksUri: issuer + endpointPaths.jwks,
    adminEndpoint: issuer + endpointPaths.administration,
  }
}
