import { describe, expect, it } from 'vitest'
import { AdministrationError } from '../../../../lambda/oauth/administration/administration-error.ts'
import { parseRegistration, parseUpdate } from '../../../../lambda/oauth/administration/client-metadata.ts'

const grant = { resource: 'https://orders.example.com', scope: 'orders:read' }
const body = { client_name: 'billing', grants: [grant] }
const marker = 'evil-marker'

function refusal(parse: () => unknown): AdministrationError {
  try {
    parse()
  } catch (error) {
    if (error instanceof AdministrationError) return error
    throw error
  }
  throw new Error('accepted')
}
const registration = (value: unknown) => refusal(() => parseRegistration(value)).detail
const update = (value: unknown) => refusal(() => parseUpdate(value, 'c')).detail

const members =
  'client_name, grants, resource_server, token_endpoint_auth_method, token_endpoint_auth_signing_alg, jwks, jwks_uri and access_token_lifetime, and nothing else'
const wholeRule = `the client metadata must be an object of ${members}`
const nameType = 'client_name is required: a string of 1 to 100 characters'
const nameRule = 'client_name must have 1 to 100 characters, none of them a control character'
const grantsType = 'grants is required: a list of {"resource", "scope"}'
const grantRule = 'grants must be objects of exactly resource and scope'
const methodRule =
  'token_endpoint_auth_method must be one of client_secret_basic, client_secret_post, private_key_jwt'
const lifetimeRule = 'access_token_lifetime must be whole seconds from 60 to 3600'
const grantTypesRule = 'grant_types must be ["client_credentials"]'

/** So many scopes, each of three characters. */
const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(100 + index))
const ownProto = (text: string): unknown => JSON.parse(text.replace('PROTO', '"__proto__":{"evil":1}'))

describe('a member of the wrong type (RFC 7591 §3.2.2)', () => {
  const wrong: unknown[] = [null, marker, 7, true, {}, [], [marker], { [marker]: marker }]
  const not = (...types: unknown[]) => wrong.filter(value => !types.includes(value))

  it.each([
    ['client_name', not(marker), nameType],
    ['grants', not(wrong[5], wrong[6]), grantsType],
    ['token_endpoint_auth_method', wrong, methodRule],
    ['access_token_lifetime', wrong, lifetimeRule],
    ['grant_types', wrong, grantTypesRule],
  ])('%s is answered by its one rule, whatever was sent', (member, values, rule) => {
    expect(values.map(value => registration({ ...body, [member]: value }))).toEqual(values.map(() => rule))
  })

  it.each([
    ['resource', 'grants: resource is required'],
    ['scope', 'grants: scope is required'],
  ])('%s of a grant is answered by its one rule', (member, rule) => {
    for (const value of not(marker)) {
      expect(registration({ ...body, grants: [{ ...grant, [member]: value }] })).toBe(rule)
    }
  })

  it('in place of a grant or of the whole is answered by the rule for that', () => {
    for (const value of [null, marker, 7, true]) {
      expect(registration({ ...body, grants: [value] })).toBe(grantRule)
      expect(registration(value)).toBe(wholeRule)
    }
  })
})

describe('a member that is missing (RFC 7591 §3.2.2)', () => {
  it.each([
    [{ grants: [grant] }, 'client_name is required'],
    [
      { client_name: 'x' },
      'grants must have at least one entry; only a client with resource_server may have none',
    ],
    [{ ...body, grants: [{ scope: 'a' }] }, 'resource is required'],
    [{ ...body, grants: [{ resource: grant.resource }] }, 'scope is required'],
    [{}, 'client_name is required'],
    [[], 'client_name is required'],
  ])('of %j is named', (value, rule) => {
    expect(registration(value)).toBe(rule)
  })

  it('cannot come from the prototype that the body brings', () => {
    const smuggled = JSON.parse(`{"__proto__":${JSON.stringify(body)}}`)
    expect(registration(smuggled)).toBe('client_name is required')
  })
})

describe('a member that is unknown (RFC 7591 §2)', () => {
  it.each([marker, 'constructor', 'toString', 'hasOwnProperty', 'client_id', 'client_secret', 'status', ''])(
    '%j is refused and not named',
    member => {
      expect(registration({ ...body, [member]: marker })).toBe(wholeRule)
      expect(registration({ ...body, grants: [{ ...grant, [member]: marker }] })).toBe(grantRule)
    },
  )

  it('is also an own __proto__, which changes no object', () => {
    const inBody = '{"client_name":"x","grants":[{"resource":"https://a.example","scope":"s"}],PROTO}'
    const inGrant = '{"client_name":"x","grants":[{"resource":"https://a.example","scope":"s",PROTO}]}'
    expect(registration(ownProto(inBody))).toBe(wholeRule)
    expect(registration(ownProto(inGrant))).toBe(grantRule)
    expect('evil' in {}).toBe(false)
  })
})

describe('a name', () => {
  it.each(['x', ' x ', 'x'.repeat(100), '😀'.repeat(100), 'Größe — 1', `  ${'x'.repeat(100)}  `])(
    '%j is one of 1 to 100 characters, trimmed',
    client_name => {
      expect(parseRegistration({ ...body, client_name }).clientName).toBe(client_name.trim())
    },
  )

  it.each([
    '',
    '  ',
    'x'.repeat(101),
    '😀'.repeat(101),
    'a\nb',
    'a\0',
    'a\u001b[2J',
    'a\u202eb',
    'a\u200bb',
    '\ud800',
  ])('%j is refused: no terminal or log is to be led astray', client_name => {
    expect(registration({ ...body, client_name })).toBe(nameRule)
  })
})

describe('the limits', () => {
  it('of a lifetime are 60 and 3600 seconds', () => {
    const lifetime = (access_token_lifetime: unknown) =>
      parseRegistration({ ...body, access_token_lifetime }).accessTokenLifetimeSeconds
    expect([60, 3600, undefined].map(lifetime)).toEqual([60, 3600, undefined])
    for (const value of [59, 3601, 0, -60, 60.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(registration({ ...body, access_token_lifetime: value })).toBe(lifetimeRule)
    }
  })

  it('of grants are 50, each resource once, and a token that fits into a header', () => {
    const grants = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ ...grant, resource: `urn:r:${index}` }))
    const tooLong = 'grants: a token with all scopes of one resource would be too long for an HTTP header'
    expect(parseRegistration({ ...body, grants: grants(50) }).grants).toHaveLength(50)
    expect(registration({ ...body, grants: grants(51) })).toBe('grants must have at most 50 entries')
    expect(registration({ ...body, grants: [grant, grant] })).toBe(
      'grants must name each resource once: put all of its scopes into one entry',
    )
    const scoped = (length: number) => ({
      ...body,
      grants: [{ resource: 'urn:r', scope: 's'.repeat(length) }],
    })
    expect(parseRegistration(scoped(5014)).grants).toHaveLength(1)
    expect(registration(scoped(5015))).toBe(tooLong)
    // The spaces between the scopes are in the token as well.
    const tokens = (count: number, last: number) => ({
      ...body,
      grants: [{ resource: 'urn:r', scope: [...numbers(count), 's'.repeat(last)].join(' ') }],
    })
    expect(parseRegistration(tokens(100, 4614)).grants).toHaveLength(1)
    expect(registration(tokens(100, 4615))).toBe(tooLong)
  })
})

describe('an update (RFC 7592 §2.2)', () => {
  const whole = { ...body, token_endpoint_auth_method: 'client_secret_basic', version: 3 }

  it('gives back the metadata and the version, and not the client_id', () => {
    expect(parseUpdate({ ...whole, client_id: 'c' }, 'c')).toEqual({
      clientName: 'billing',
      tokenEndpointAuthMethod: 'client_secret_basic',
      grants: [{ resource: grant.resource, scope: ['orders:read'] }],
      accessTokenLifetimeSeconds: undefined,
      version: 3,
    })
  })

  it('is refused by exact rules, as a 400', () => {
    const { version: _, ...unversioned } = whole
    expect(update(unversioned)).toBe('version is required')
    for (const version of ['3', null, 1.5, Number.NaN]) {
      expect(update({ ...whole, version })).toBe('version is required: the one that was read')
    }
    for (const client_id of ['d', 7, null]) {
      expect(update({ ...whole, client_id })).toBe('client_id must be the one in the path')
    }
    expect(update({ ...whole, [marker]: 1 })).toBe(`an update must be an object of version, ${members}`)
    const error = refusal(() => parseUpdate(null, 'c'))
    expect([error.code, error.status, error.message]).toEqual([
      'invalid_client_metadata',
      400,
      'invalid_client_metadata',
    ])
  })
})
