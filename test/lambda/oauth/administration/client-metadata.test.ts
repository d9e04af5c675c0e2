import { describe, expect, it } from 'vitest'
import { AdministrationError } from '../../../../lambda/oauth/administration/administration-error.ts'
import { parseRegistration, parseUpdate } from '../../../../lambda/oauth/administration/client-metadata.ts'

const grants = [{ resource: 'https://orders.example.com', scope: 'orders:read' }]
const body = { client_name: 'billing', grants }
const update = { ...body, token_endpoint_auth_method: 'client_secret_post' }

function refusal(value: unknown, parse: (value: unknown) => unknown = parseRegistration): string {
  try {
    parse(value)
  } catch (error) {
    if (error instanceof AdministrationError && error.code === 'invalid_client_metadata') return error.detail
    throw error
  }
  throw new Error('accepted')
}

describe('client metadata (RFC 7591 §2)', () => {
  it('has a default for all but the name and the grants', () => {
    expect(parseRegistration({ ...body, client_name: ' billing ' })).toEqual({
      clientName: 'billing',
      tokenEndpointAuthMethod: 'client_secret_basic',
      grants: [{ resource: 'https://orders.example.com', scope: ['orders:read'] }],
      accessTokenLifetimeSeconds: undefined,
    })
  })

  it('may say its one grant type (RFC 7591 §2)', () => {
    const said = { ...body, grant_types: ['client_credentials'] }
    expect(parseRegistration(said)).toEqual(parseRegistration(body))
  })

  it.each([
    ['no name', { grants }, 'client_name is required'],
    ['an empty name', { ...body, client_name: ' ' }, 'client_name must have 1 to 100 characters'],
    [
      'a control character',
      { ...body, client_name: 'evil-marker\u001b[2J' },
      'client_name must have 1 to 100 characters',
    ],
    [
      'no grants',
      { client_name: 'x' },
      'grants must have at least one entry; only a client with resource_server may have none',
    ],
    [
      'a grant without a scope',
      { ...body, grants: [{ resource: 'https://a.example' }] },
      'scope is required',
    ],
    [
      'an empty list',
      { ...body, grants: [] },
      'grants must have at least one entry; only a client with resource_server may have none',
    ],
    ['a text', { ...body, grants: 'evil-marker' }, 'grants is required: a list'],
    ['51 grants', { ...body, grants: Array(51).fill(grants[0]) }, 'grants must have at most 50 entries'],
    ['a resource twice', { ...body, grants: [...grants, ...grants] }, 'grants must name each resource once'],
    [
      'a relative resource',
      { ...body, grants: [{ ...grants[0], resource: 'evil-marker' }] },
      'grants: resource must be an absolute URI',
    ],
    [
      'a fragment',
      { ...body, grants: [{ ...grants[0], resource: 'https://evil-marker/#x' }] },
      'grants: resource must be',
    ],
    [
      'a malformed scope',
      { ...body, grants: [{ ...grants[0], scope: 'evil-marker  x' }] },
      'grants: scope must be',
    ],
    ['an empty scope', { ...body, grants: [{ ...grants[0], scope: '' }] }, 'grants: scope must be'],
    [
      '10,000 scopes',
      {
        ...body,
        grants: [{ ...grants[0], scope: Array.from({ length: 10_000 }, (_, i) => `s${i}`).join(' ') }],
      },
      'grants: a token with all scopes',
    ],
    [
      'an unknown member of a grant',
      { ...body, grants: [{ ...grants[0], evil: 1 }] },
      'grants must be objects of exactly',
    ],
    [
      'another method',
      { ...body, token_endpoint_auth_method: 'none' },
      'token_endpoint_auth_method must be one of',
    ],
    [
      'a short lifetime',
      { ...body, access_token_lifetime: 59 },
      'access_token_lifetime must be whole seconds from 60 to 3600',
    ],
    ['a long lifetime', { ...body, access_token_lifetime: 3601 }, 'access_token_lifetime must be'],
    ['a broken lifetime', { ...body, access_token_lifetime: 60.5 }, 'access_token_lifetime must be'],
    ['another grant type', { ...body, grant_types: ['password'] }, 'grant_types must be'],
    ['no grant type', { ...body, grant_types: [] }, 'grant_types must be'],
    [
      'a second grant type',
      { ...body, grant_types: ['client_credentials', 'password'] },
      'grant_types must be',
    ],
    ['an unknown member', { ...body, disabled: false }, 'the client metadata must be an object of'],
    ['an own __proto__', JSON.parse('{"client_name":"x","grants":[],"__proto__":{}}'), ''],
    ['null', null, 'the client metadata must be an object of'],
    ['a list', [], 'client_name is required'],
    ['nothing', undefined, 'the client metadata must be an object of'],
  ])('is refused with %s, saying what would be right and nothing of the input', (_, value, expected) => {
    const detail = refusal(value)
    expect(detail).toContain(expected)
    expect(detail).not.toMatch(/evil|Invalid|Expected/)
  })

  it('of an update is whole, on a version, and of no other client (RFC 7592 §2.2)', () => {
    const parse = (value: unknown) => parseUpdate(value, 'c')
    expect(refusal({ ...body, version: 3 }, parse)).toBe('token_endpoint_auth_method is required')
    expect(refusal({ ...update, version: 3, client_id: 'd' }, parse)).toBe(
      'client_id must be the one in the path',
    )
    expect(parseUpdate({ ...update, client_id: 'c', version: 3 }, 'c')).toMatchObject({ version: 3 })
    for (const version of [undefined, '3', 1.5, null]) {
      expect(refusal({ ...update, version }, value => parseUpdate(value, 'c'))).toMatch(/version/)
    }
  })
})
