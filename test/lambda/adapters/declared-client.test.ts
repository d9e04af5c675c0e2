import { describe, expect, it } from 'vitest'
import { parseDeclaredClient } from '../../../lambda/adapters/declared-client.ts'
import { assertionKey } from '../../attacks/support/client-assertion.ts'

const { jwk } = assertionKey()
const grants = [{ resource: 'urn:a', scope: 'a b' }]
const properties = {
  ServiceToken: 'arn:registrar',
  ServiceTimeout: '120',
  ClientMetadata: { client_name: 'billing', grants, token_endpoint_auth_method: 'client_secret_post' },
  TokenEndpoint: 'https://issuer.example.com/token',
  SecretArn: 'arn:secret',
  SecretOverlapSeconds: '86400',
}
const { SecretArn, SecretOverlapSeconds, ...withoutSecret } = properties
const keyMetadata = {
  client_name: 'robot',
  grants,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [jwk] },
}

describe('the properties of a declared client', () => {
  it('are parsed, with numbers as CloudFormation sends them', () => {
    const metadata = { ...properties.ClientMetadata, access_token_lifetime: '300' }
    expect(parseDeclaredClient({ ...properties, ClientMetadata: metadata })).toMatchObject({
      metadata: {
        clientName: 'billing',
        grants: [{ resource: 'urn:a', scope: ['a', 'b'] }],
        tokenEndpointAuthMethod: 'client_secret_post',
        accessTokenLifetimeSeconds: 300,
      },
      declaration: { secret: { arn: 'arn:secret', overlapSeconds: 86_400 } },
      tokenEndpoint: 'https://issuer.example.com/token',
    })
  })

  it('have no secret where the client has keys', () => {
    const { metadata, declaration } = parseDeclaredClient({ ...withoutSecret, ClientMetadata: keyMetadata })
    expect([metadata.tokenEndpointAuthMethod, declaration]).toEqual([
      'private_key_jwt',
      { secret: undefined },
    ])
  })

  it.each<[string, object]>([
    ['nothing', {}],
    ['no metadata', { ...properties, ClientMetadata: undefined }],
    ['no token endpoint', { ...properties, TokenEndpoint: undefined }],
    ['no overlap', { ...withoutSecret, SecretArn }],
    ['an overlap that is no number', { ...properties, SecretOverlapSeconds: 'x' }],
    ['an overlap below zero', { ...properties, SecretOverlapSeconds: '-1' }],
    ['a method with a secret, and none', withoutSecret],
    ['keys and a secret', { ...properties, ClientMetadata: keyMetadata }],
    [
      'a member of no client',
      { ...properties, ClientMetadata: { ...properties.ClientMetadata, status: 'x' } },
    ],
  ])('are refused with %s', (_, refused) => {
    expect(() => parseDeclaredClient(refused as Record<string, unknown>)).toThrow(
      expect.objectContaining({ name: 'AdministrationError' }),
    )
  })
})
