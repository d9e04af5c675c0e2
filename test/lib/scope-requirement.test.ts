import { Lazy } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { type AuthorizeOptions, checkAudience, parseRequirement } from '../../lib/scope-requirement.ts'

const audience = 'https://orders.example.com'

describe('audience', () => {
  it.each([
    'https://orders.example.com',
    'https://orders.example.com/v1?tenant=a',
    'urn:example:orders',
    `https://${'a'.repeat(504)}`,
  ])('may be %s', value => {
    expect(checkAudience(value)).toBe(value)
  })

  it('may be known at deployment only', () => {
    const token = Lazy.string({ produce: () => audience })
    expect(checkAudience(token)).toBe(token)
  })

  it.each([
    '',
    'orders',
    '/orders',
    'https://orders.example.com#x',
    'https://a b',
    `https://${'a'.repeat(505)}`,
    'https://Orders.example.com',
  ])('must be an absolute URI without a fragment (RFC 8707 §2), not "%s"', value => {
    expect(() => checkAudience(value)).toThrow(
      `audience must be an absolute URI without a fragment (RFC 8707 §2), in its normal spelling, of at most 512 characters, got "${value}": use the API's identifier, such as "https://orders.example.com"`,
    )
  })
})

describe('scope requirement', () => {
  it('is all of some scopes or any one of some, in one order', () => {
    expect(parseRequirement({ audience, allOf: ['b', 'a'] })).toEqual({ allOf: ['a', 'b'] })
    expect(parseRequirement({ audience, anyOf: ['b', 'a'] })).toEqual({ anyOf: ['a', 'b'] })
  })

  it('is not both', () => {
    expect(() => parseRequirement({ audience, allOf: ['a'], anyOf: ['b'] })).toThrow(
      'authorize must have exactly one of allOf and anyOf, got both: keep one',
    )
  })

  it('is not neither', () => {
    expect(() => parseRequirement({ audience })).toThrow(
      'authorize must have exactly one of allOf and anyOf, got neither: name the scopes, or attach no authorizer to an open route',
    )
  })

  it('is a list of texts, also where types are not checked', () => {
    const unchecked: object = { audience, allOf: 'orders:read' }
    expect(() => parseRequirement(unchecked as AuthorizeOptions)).toThrow(
      'allOf must be a list of scopes, got "orders:read": put them into brackets',
    )
    const undefinedScope: object = { audience, anyOf: [undefined] }
    expect(() => parseRequirement(undefinedScope as AuthorizeOptions)).toThrow(
      'anyOf must hold scope tokens (RFC 6749 §3.3), got "undefined"',
    )
    const noAudience: object = {}
    expect(() => checkAudience((noAudience as AuthorizeOptions).audience)).toThrow(
      'audience must be an absolute URI without a fragment (RFC 8707 §2)',
    )
  })

  it.each(['allOf', 'anyOf'])('is not an empty %s', list => {
    expect(() => parseRequirement({ audience, [list]: [] })).toThrow(
      `${list} must name at least one scope, got none: name the scopes, or attach no authorizer to an open route`,
    )
  })

  it.each(['', 'orders read', 'say"so"', 'back\\slash', 'ünicode', 'tab\t'])(
    'takes scope tokens (RFC 6749 §3.3), not "%s"',
    scope => {
      expect(() => parseRequirement({ audience, allOf: ['ok', scope] })).toThrow(
        `allOf must hold scope tokens (RFC 6749 §3.3), got "${scope}": use printable ASCII without spaces, quotes and backslashes, one scope an item`,
      )
    },
  )

  it('names each scope once', () => {
    expect(() => parseRequirement({ audience, anyOf: ['a', 'b', 'a'] })).toThrow(
      'anyOf must name each scope once, got "a" twice: remove one',
    )
  })

  it('is known at synthesis', () => {
    const scope = Lazy.string({ produce: () => 'a' })
    expect(() => parseRequirement({ audience, allOf: [scope] })).toThrow(
      'allOf must be known at synthesis, got a token: write the scopes, not a deploy-time value',
    )
  })
})
