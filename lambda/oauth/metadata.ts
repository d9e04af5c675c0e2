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

/** Authorization server metadata (RFC 8414 §2). */
export function authorizationServerMetadata(issuer: string) {
  return {
    issuer,
    token_endpoint: issuer + endpointPaths.token,
    revocation_endpoint: issuer + endpointPaths.revocation,
    introspection_endpoint: issuer + endpointPaths.introspection,
    jwks_uri: issuer + endpointPaths.jwks,
    grant_types_supported: ['client_credentials'],
    // Required by RFC 8414, and empty: there is no authorization endpoint.
    response_types_supported: [],
    token_endpoint_auth_methods_supported: tokenEndpointAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: jwsAlgorithms,
    revocation_endpoint_auth_methods_supported: tokenEndpointAuthMethods,
    revocation_endpoint_auth_signing_alg_values_supported: jwsAlgorithms,
    introspection_endpoint_auth_methods_supported: tokenEndpointAuthMethods,
    introspection_endpoint_auth_signing_alg_values_supported: jwsAlgorithms,
  }
}
