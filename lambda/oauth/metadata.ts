import { tokenEndpointAuthMethods } from './client.ts'
import { jwsAlgorithms } from './public-key.ts'

/** Where the endpoints are, below the issuer. */
export const endpointPaths = {
  token: '/token',
  revocation: '/revoke',
  introspection: '/introspect',
  jwks: '/.well-known/jwks.json',
  metadata: '/.well-known/oauth-authorization-server',
  openidConfiguration: '/.well-known/openid-configuration',
  administration: '/admin',
} as const

/** The endpoints that a server may do without. */
export const optionalEndpoints = ['revocation', 'introspection'] as const

export type OptionalEndpoint = (typeof optionalEndpoints)[number]

/** Authorization server metadata (RFC 8414 §2). */
export function authorizationServerMetadata(
  issuer: string,
  endpoints: readonly OptionalEndpoint[] = optionalEndpoints,
) {
  const endpoint = (name: 'token' | OptionalEndpoint) => ({
    [`${name}_endpoint`]: issuer + endpointPaths[name],
    [`${name}_endpoint_auth_methods_supported`]: tokenEndpointAuthMethods,
    [`${name}_endpoint_auth_signing_alg_values_supported`]: jwsAlgorithms,
  })
  return {
    issuer,
    ...endpoint('token'),
    ...(endpoints.includes('revocation') && endpoint('revocation')),
    ...(endpoints.includes('introspection') && endpoint('introspection')),
    jwks_uri: issuer + endpointPaths.jwks,
    grant_types_supported: ['client_credentials'],
    // Required by RFC 8414, and empty: there is no authorization endpoint.
    response_types_supported: [],
  }
}
