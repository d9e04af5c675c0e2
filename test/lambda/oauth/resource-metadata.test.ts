import { describe, expect, it } from 'vitest'
import { protectedResourceMetadata, resourceMetadataPath } from '../../../lambda/oauth/resource-metadata.ts'

describe('metadata of a protected resource', () => {
  it.each([
    ['https://orders.example.com', '/.well-known/oauth-protected-resource'],
    ['https://orders.example.com/', '/.well-known/oauth-protected-resource'],
    ['https://example.com/orders', '/.well-known/oauth-protected-resource/orders'],
    ['https://example.com/v1/orders', '/.well-known/oauth-protected-resource/v1/orders'],
    ['http://orders.example.com', undefined],
    ['urn:example:orders', undefined],
    ['https://example.com/?orders', undefined],
    ['orders', undefined],
  ])('of %s is at %s (RFC 9728 §3.1)', (resource, path) => {
    expect(resourceMetadataPath(resource)).toBe(path)
  })

  it('names the resource, its authorization server and its scopes (RFC 9728 §2)', () => {
    expect(protectedResourceMetadata('https://a', 'https://issuer', ['x', 'y'])).toEqual({
      resource: 'https://a',
      authorization_servers: ['https://issuer'],
      scopes_supported: ['x', 'y'],
      bearer_methods_supported: ['header'],
    })
  })

  it('says nothing of scopes where none are known', () => {
    expect(protectedResourceMetadata('https://a', 'https://issuer', [])).toEqual({
      resource: 'https://a',
      authorization_servers: ['https://issuer'],
      bearer_methods_supported: ['header'],
    })
  })
})
