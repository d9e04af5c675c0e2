import { describe, expect, it } from 'vitest'
import { AdministrationError } from '../../../../lambda/oauth/administration/administration-error.ts'
import {
  parseResourceServer,
  parseResourceServerUpdate,
} from '../../../../lambda/oauth/administration/resource-server-metadata.ts'
import {
  parseResourceServerId,
  resourceServerDocument,
  resourceServerId,
  toResourceServer,
} from '../../../../lambda/oauth/administration/resource-server-record.ts'
import { resourceServer } from '../support/fake-clients.ts'

const audience = 'https://stock.example.com'
const whole = {
  audience,
  scopes: [{ scope: 'a', description: 'A' }, { scope: 'b' }],
  access_token_lifetime: 60,
}
const parsed = {
  scopes: [
    { scope: 'a', description: 'A' },
    { scope: 'b', description: '' },
  ],
  accessTokenLifetimeSeconds: 60,
}
const marker = 'evil-marker'

function refusal(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    if (!(error instanceof AdministrationError)) throw error
    expect(error.code).toBe('invalid_resource_server')
    expect(error.detail).not.toContain('evil')
    return error.detail
  }
  return 'accepted'
}
const scopesRule = 'scopes must be objects of scope and description'
const many = (count: number) => Array.from({ length: count }, (_, index) => ({ scope: `s${index}` }))

describe('a resource server', () => {
  it('is an audience with scopes, described or not, and perhaps a lifetime', () => {
    expect(parseResourceServer(whole)).toEqual({ audience, ...parsed })
    const { access_token_lifetime: _, ...others } = whole
    expect(parseResourceServer(others)).toEqual({
      audience,
      ...parsed,
      accessTokenLifetimeSeconds: undefined,
    })
    expect(parseResourceServerUpdate({ ...whole, version: 3 }, audience)).toEqual({ ...parsed, version: 3 })
    const { audience: __, ...named } = whole
    expect(parseResourceServerUpdate({ ...named, version: 1 }, audience)).toEqual({ ...parsed, version: 1 })
  })

  it.each<[string, object | null, string]>([
    ['nothing', null, 'a resource server must be an object of audience, scopes and access_token_lifetime'],
    ['no audience', { scopes: whole.scopes }, 'audience is required'],
    ['an audience that is no URI', { ...whole, audience: marker }, 'audience must be an absolute URI'],
    ['no scopes', { audience }, 'scopes is required'],
    [
      'scopes of text',
      { ...whole, scopes: marker },
      'scopes is required: a list of {"scope", "description"}',
    ],
    ['an empty list', { ...whole, scopes: [] }, 'scopes must have at least one entry'],
    ['201 scopes', { ...whole, scopes: many(201) }, 'scopes must have at most 200 entries'],
    [
      'a scope twice',
      { ...whole, scopes: [{ scope: 'a' }, { scope: 'a' }] },
      'scopes must name each scope once',
    ],
    ['text for a scope', { ...whole, scopes: [marker] }, scopesRule],
    ['an unknown member', { ...whole, scopes: [{ scope: 'a', [marker]: 1 }] }, scopesRule],
    ['no name', { ...whole, scopes: [{ description: 'x' }] }, 'is required'],
    ['a number for a name', { ...whole, scopes: [{ scope: 1 }] }, 'scopes: scope is required'],
    ['two tokens', { ...whole, scopes: [{ scope: `${marker} b` }] }, 'scopes: scope must be one scope token'],
    ['an empty scope', { ...whole, scopes: [{ scope: '' }] }, 'scopes: scope must be one scope token'],
    [
      '129 characters',
      { ...whole, scopes: [{ scope: 'x'.repeat(129) }] },
      'scopes: scope must have at most 128',
    ],
    [
      'a long description',
      { ...whole, scopes: [{ scope: 'a', description: 'x'.repeat(201) }] },
      'description must',
    ],
    ['a line break', { ...whole, scopes: [{ scope: 'a', description: 'a\nb' }] }, 'description must be text'],
    ['a number', { ...whole, scopes: [{ scope: 'a', description: 1 }] }, 'description must be text'],
    ['59 seconds', { ...whole, access_token_lifetime: 59 }, 'access_token_lifetime must be whole seconds'],
    ['an unknown member of its own', { ...whole, [marker]: 1 }, 'a resource server must be an object'],
    [
      'scopes that no token can hold',
      { ...whole, scopes: many(60).map(({ scope }) => ({ scope: scope.padEnd(100, 'x') })) },
      'scopes: a token with all of them would be too long for an HTTP header',
    ],
  ])('is refused with %s, in words of our own', (_, body, rule) => {
    expect(refusal(() => parseResourceServer(body))).toContain(rule)
  })

  it.each<[string, object, string]>([
    [
      'another audience',
      { ...whole, audience: 'urn:other', version: 1 },
      'audience must be the one in the path',
    ],
    ['a number for it', { ...whole, audience: 1, version: 1 }, 'audience must be the one in the path'],
    ['no version', whole, 'version is required'],
    ['half a version', { ...whole, version: 1.5 }, 'version is required: the one that was read'],
    [
      'an unknown member',
      { ...whole, version: 1, [marker]: 1 },
      'an update must be an object of version, scopes',
    ],
    [
      'scopes that no token can hold',
      { ...whole, version: 1, scopes: many(60).map(({ scope }) => ({ scope: scope.padEnd(100, 'x') })) },
      'too long for an HTTP header',
    ],
  ])('is not updated with %s', (_, body, rule) => {
    expect(refusal(() => parseResourceServerUpdate(body, audience))).toContain(rule)
  })

  it('takes 200 scopes, of 128 characters, described in 200', () => {
    expect(parseResourceServer({ ...whole, scopes: many(200) }).scopes).toHaveLength(200)
    const longest = { scope: 'x'.repeat(128), description: 'y'.repeat(200) }
    expect(parseResourceServer({ ...whole, scopes: [longest] }).scopes).toEqual([longest])
  })

  it('is named in a path by its audience in base64url, in the one spelling', () => {
    expect(resourceServerId(audience)).toBe('aHR0cHM6Ly9zdG9jay5leGFtcGxlLmNvbQ')
    expect(parseResourceServerId(resourceServerId(audience))).toBe(audience)
    for (const id of ['', '*', 'YQ=', 'YR', '_w']) expect(parseResourceServerId(id)).toBe(undefined)
  })

  it('is shown with its id and version, and given to the token endpoint as a set', () => {
    expect(resourceServerDocument({ ...resourceServer, accessTokenLifetimeSeconds: 90 })).toEqual({
      resource_server_id: resourceServerId(resourceServer.audience),
      audience: resourceServer.audience,
      scopes: resourceServer.scopes,
      access_token_lifetime: 90,
      managed_by: 'administration',
      version: 1,
      created_at: 1,
      updated_at: 1,
    })
    expect(toResourceServer(resourceServer)).toEqual({
      audience: resourceServer.audience,
      scopes: new Set(['orders:read', 'orders:write']),
      accessTokenLifetimeSeconds: undefined,
    })
  })
})
