import { describe, expect, it } from 'vitest'
import { AdministrationError } from '../../../../lambda/oauth/administration/administration-error.ts'
import { clientDocument } from '../../../../lambda/oauth/administration/client-document.ts'
import { parseRegistration, parseUpdate } from '../../../../lambda/oauth/administration/client-metadata.ts'
import { clientKey } from '../support/assertion-maker.ts'
import { metadata, newAdministration, resourceServer } from '../support/fake-clients.ts'
import { clientWith } from '../support/fake-resource-servers.ts'

const { jwk } = clientKey('ES256')
const rsa = clientKey('RS256').jwk
const body = { client_name: 'x', grants: [{ resource: 'https://a', scope: 'b' }] }
const keyed = { ...body, token_endpoint_auth_method: 'private_key_jwt' }
const uri = 'https://client.example.com/jwks.json'
const none = { jwks: undefined, jwksUri: undefined, tokenEndpointAuthSigningAlg: undefined }

function refusal(value: unknown): string {
  try {
    parseRegistration(value)
  } catch (error) {
    if (error instanceof AdministrationError) return `${error.code}: ${error.detail}`
    throw error
  }
  return 'accepted'
}
const refused = (rule: string) => `invalid_client_metadata: ${rule}`

describe('the keys of a client (RFC 7591 §2)', () => {
  it('are registered, with the one algorithm that they are for', () => {
    const parsed = parseRegistration({ ...keyed, jwks: { keys: [{ ...jwk, kid: 'k1' }] } })
    expect(parsed).toMatchObject({
      ...none,
      jwks: [clientKey('ES256')],
      tokenEndpointAuthSigningAlg: 'ES256',
    })
    const pss = { ...keyed, token_endpoint_auth_signing_alg: 'PS256', jwks: { keys: [rsa] } }
    expect(parseRegistration(pss)).toMatchObject({ tokenEndpointAuthSigningAlg: 'PS256' })
    expect(parseRegistration({ ...keyed, jwks: { keys: [rsa] } })).toMatchObject({
      tokenEndpointAuthSigningAlg: 'RS256',
    })
  })

  it('or are at a URI, with an algorithm or without', () => {
    expect(parseRegistration({ ...keyed, jwks_uri: uri })).toMatchObject({ ...none, jwksUri: uri })
    const bound = { ...keyed, jwks_uri: uri, token_endpoint_auth_signing_alg: 'EdDSA' }
    expect(parseRegistration(bound)).toMatchObject({
      ...none,
      jwksUri: uri,
      tokenEndpointAuthSigningAlg: 'EdDSA',
    })
    const local = 'http://127.0.0.1:5000'
    const update = { ...keyed, jwks_uri: `${local}/jwks`, version: 1 }
    expect(parseUpdate(update, 'c', local)).toMatchObject({ jwksUri: `${local}/jwks` })
    expect(parseRegistration({ ...keyed, jwks_uri: `${local}/jwks` }, local)).toMatchObject({
      ...none,
      jwksUri: `${local}/jwks`,
    })
  })

  it.each(['client_secret_basic', 'client_secret_post'])('are not those of a client of %s', method => {
    const rule = refused('jwks, jwks_uri and token_endpoint_auth_signing_alg belong to private_key_jwt only')
    const client = { ...body, token_endpoint_auth_method: method }
    expect(parseRegistration(client)).toMatchObject(none)
    expect(refusal({ ...client, jwks: { keys: [jwk] } })).toBe(rule)
    expect(refusal({ ...client, jwks_uri: uri })).toBe(rule)
    expect(refusal({ ...client, token_endpoint_auth_signing_alg: 'ES256' })).toBe(rule)
  })

  it.each<[string, object, string]>([
    ['neither', {}, 'private_key_jwt needs exactly one of jwks and jwks_uri'],
    [
      'both',
      { jwks: { keys: [jwk] }, jwks_uri: uri },
      'private_key_jwt needs exactly one of jwks and jwks_uri',
    ],
    ['null', { jwks: null }, 'jwks must be an object with a list "keys" of 1 to 10 keys'],
    [
      'two algorithms',
      {
        jwks: {
          keys: [
            { ...jwk, kid: 'a' },
            { ...rsa, kid: 'b' },
          ],
        },
      },
      'jwks: the keys are of several algorithms: a client has one',
    ],
    [
      'an algorithm that they are not for',
      { jwks: { keys: [jwk] }, token_endpoint_auth_signing_alg: 'RS256' },
      'jwks: key 1 is not for RS256, the algorithm of the client',
    ],
    [
      'an unknown algorithm',
      { jwks: { keys: [jwk] }, token_endpoint_auth_signing_alg: 'HS256' },
      'token_endpoint_auth_signing_alg must be one of ES256, RS256, PS256, EdDSA',
    ],
    [
      'a private address',
      { jwks_uri: 'https://169.254.169.254/' },
      'jwks_uri must be an https URL of a public host, without user, port or fragment, of at most 512 characters',
    ],
    [
      'a number for a URI',
      { jwks_uri: 1 },
      'jwks_uri must be an https URL of a public host, without user, port or fragment, of at most 512 characters',
    ],
  ])('are refused as %s', (_, members, rule) => {
    expect(refusal({ ...keyed, ...members })).toBe(refused(rule))
  })

  it('are shown, the public members alone', () => {
    const client = clientWith('c', {
      tokenEndpointAuthMethod: 'private_key_jwt',
      jwks: [clientKey('ES256')],
      tokenEndpointAuthSigningAlg: 'ES256',
      resourceServer: 'https://a',
    })
    expect(clientDocument(client, () => undefined)).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ ...jwk, kid: 'k1', alg: 'ES256', use: 'sig' }] },
      jwks_uri: undefined,
      resource_server: 'https://a',
    })
    expect(clientDocument(clientWith('c', { jwksUri: uri }), () => undefined)).toMatchObject({
      jwks: undefined,
      jwks_uri: uri,
    })
  })
})

describe('a resource server’s own client', () => {
  it('needs no grant', () => {
    const { grants: _, ...others } = body
    expect(parseRegistration({ ...others, resource_server: 'https://a' })).toMatchObject({
      grants: [],
      resourceServer: 'https://a',
    })
    expect(refusal(others)).toBe(
      refused('grants must have at least one entry; only a client with resource_server may have none'),
    )
    expect(refusal({ ...others, resource_server: 'a' })).toContain('resource_server must be an absolute URI')
  })

  it('is of a registered resource server', async () => {
    const { administration } = newAdministration()
    const own = { ...metadata, grants: [], resourceServer: resourceServer.audience }
    expect((await administration.create(own)).client.resourceServer).toBe(resourceServer.audience)
    await expect(administration.create({ ...own, resourceServer: 'urn:other' })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
      detail: 'resource_server is not registered: register the resource server first',
    })
    const both = { ...metadata, resourceServer: 'urn:other' }
    await expect(administration.create(both)).rejects.toMatchObject({ detail: /resource_server/ })
  })
})

describe('the administration of a client with keys', () => {
  const withKeys = {
    ...metadata,
    tokenEndpointAuthMethod: 'private_key_jwt' as const,
    jwks: [clientKey('ES256')],
  }

  it('gives it no secret, at registration or later', async () => {
    const { administration, digests } = newAdministration()
    const { client, clientSecret } = await administration.create(withKeys)
    expect([client.secrets, clientSecret, digests.size]).toEqual([[], undefined, 0])
    await expect(administration.addSecret(client.clientId, 60)).rejects.toMatchObject({
      code: 'invalid_request',
      detail: 'the client authenticates with private_key_jwt: it has keys, and no secret',
    })
    expect(digests.size).toBe(0)
  })

  it('refuses grants that are not registered, at registration and update', async () => {
    const { administration, clients } = newAdministration()
    const grants = [{ resource: 'urn:other', scope: ['a'] }]
    const refusedGrant = {
      code: 'invalid_client_metadata',
      detail: expect.stringContaining('entry 1 is not registered'),
    }
    await expect(administration.create({ ...withKeys, grants })).rejects.toMatchObject(refusedGrant)
    expect(clients.size).toBe(0)
    const { client } = await administration.create(withKeys)
    const update = administration.update(client.clientId, { ...withKeys, grants, version: 1 })
    await expect(update).rejects.toMatchObject(refusedGrant)
    expect(clients.get(client.clientId)?.version).toBe(1)
  })
})
