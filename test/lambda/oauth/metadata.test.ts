import { describe, expect, it } from 'vitest'
import { authorizationServerMetadata } from '../../../lambda/oauth/metadata.ts'
import { issuer } from './support/token-maker.ts'

describe('authorization server metadata', () => {
  it('says what there is, and nothing that there is not (RFC 8414 §2)', () => {
    const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
    const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA']
    expect(authorizationServerMetadata(issuer)).toEqual({
      issuer: 'https://issuer.example.com',
      token_endpoint: 'https://issuer.example.com/token',
      revocation_endpoint: 'https://issuer.example.com/revoke',
      introspection_endpoint: 'https://issuer.example.com/introspect',
      jwks_uri: 'https://issuer.example.com/.well-known/jwks.json',
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: algorithms,
      revocation_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_signing_alg_values_supported: algorithms,
      introspection_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    })
  })
})
