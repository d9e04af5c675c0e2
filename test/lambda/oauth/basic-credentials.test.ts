import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseBasicCredentials } from '../../../lambda/oauth/basic-credentials.ts'

const base64 = (content: string | Uint8Array) => Buffer.from(content).toString('base64')
const parse = (content: string | Uint8Array) => parseBasicCredentials(`Basic ${base64(content)}`)
const formEncode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)

describe('Basic credentials', () => {
  it('come back as they were form-encoded, whatever is in them (RFC 6749 §2.3.1)', () => {
    const credential = fc.string({ unit: 'grapheme', minLength: 1 })
    const property = fc.property(credential, credential, (clientId, clientSecret) => {
      expect(parse(`${formEncode(clientId)}:${formEncode(clientSecret)}`)).toEqual({ clientId, clientSecret })
    })
    fc.assert(property, { seed: 1, numRuns: 300 })
  })

  it.each([
    ['a:b', 'a', 'b'],
    ['a:b:c', 'a', 'b:c'],
    ['a::', 'a', ':'],
    ['a:b=&', 'a', 'b=&'],
    ['a+b:c%2B', 'a b', 'c+'],
    ['a%3Ab:c', 'a:b', 'c'],
    ['a:é', 'a', 'é'],
    ['a:%C3%A9', 'a', 'é'],
  ])('%j are split at the first colon, then decoded once (RFC 7617 §2)', (text, clientId, clientSecret) => {
    expect(parse(text)).toEqual({ clientId, clientSecret })
  })

  it.each(['basic', 'BASIC', 'bAsIc', 'Basic '])('are told by %j in any case (RFC 7235 §2.1)', scheme => {
    expect(parseBasicCredentials(`${scheme} YTpi`)).toEqual({ clientId: 'a', clientSecret: 'b' })
  })

  it.each([
    ['nothing', ''],
    ['the scheme alone', 'Basic'],
    ['the scheme and a space', 'Basic '],
    ['another scheme', 'Bearer YTpi'],
    ['a longer scheme', 'Basically YTpi'],
    ['no space', 'BasicYTpi'],
    ['a tab', 'Basic\tYTpi'],
    ['leading white space', ' Basic YTpi'],
    ['trailing white space', 'Basic YTpi '],
    ['a line break in base64', 'Basic YT\npi'],
    ['a second token', 'Basic YTpi YTpi'],
    ['an auth-param', 'Basic YTpi, realm="x"'],
    ['padding too many', 'Basic YTpi='],
    ['padding too few', 'Basic YTpiYw'],
    ['stray bits in the last character', 'Basic YTpiYx=='],
    ['base64url', `Basic ${Buffer.from('a:??>>').toString('base64url')}`],
    ['text that is no base64', 'Basic a:b'],
  ])('are malformed with %s (RFC 7617 §2, RFC 4648 §3.5)', (_, header) => {
    expect(parseBasicCredentials(header)).toBe('malformed')
  })

  it.each([
    ['no colon', 'ab'],
    ['no identifier', ':b'],
    ['no secret', 'a:'],
    ['a colon alone', ':'],
    ['a line feed', 'a:b\n'],
    ['a NUL', Buffer.from('a%00:b\x00')],
    ['a DEL', 'a:\x7f'],
    ['an invalid octet', new Uint8Array([0x61, 0x3a, 0xff])],
    ['an overlong slash', new Uint8Array([0x61, 0x3a, 0xc0, 0xaf])],
    ['a surrogate in UTF-8', new Uint8Array([0x61, 0x3a, 0xed, 0xa0, 0x80])],
  ])('have the shape id:secret in UTF-8, not %s (RFC 7617 §2)', (_, content) => {
    const expected = typeof content !== 'string' && content.includes(0x25) ? 'malformed-escape' : 'malformed'
    expect(parse(content)).toBe(expected)
  })

  it.each(['a:%', 'a:%4', 'a:%zz', '%zz:b', 'a:%ff', 'a:%c0%af', 'a:%00', '%00:b'])(
    '%j has a malformed escape (RFC 6749 Appendix B)',
    text => {
      expect(parse(text)).toBe('malformed-escape')
    },
  )
})
