import { describe, expect, it } from 'vitest'
import { parseBearerToken } from '../../../lambda/oauth/bearer-token.ts'

describe('the Authorization header', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
    'yields the token after %s and one space (RFC 6750 §2.1, RFC 9110 §11.1)',
    scheme => {
      expect(parseBearerToken(`${scheme} aA0-._~+/==`)).toEqual({ token: 'aA0-._~+/==' })
    },
  )

  it.each([undefined, ''])('that is %j presents no credentials (RFC 6750 §3.1)', header => {
    expect(parseBearerToken(header)).toBe('credentials_missing')
  })

  it.each([
    'Basic YTpi',
    'DPoP a.b.c',
    'Negotiate abc',
    'Bearerx abc',
    'Bearer-Token abc',
    'Bearer.abc',
    'Bear er abc',
    'a.b.c',
    ' Bearer abc',
    '\tBearer abc',
    ',Bearer abc',
    '"Bearer abc"',
    'Basic YTpi, Bearer abc',
  ])('with another scheme is not ours to read: %j (RFC 9110 §11.4)', header => {
    expect(parseBearerToken(header)).toBe('scheme_unsupported')
  })

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer  abc',
    'Bearer\tabc',
    'Bearer\u00a0abc',
    'Bearer\nabc',
    'Bearer \tabc',
    'Bearer abc ',
    'Bearer abc\n',
    'Bearer abc\t',
    'Bearer a bc',
    'Bearer: abc',
    'Bearer=abc',
    'Bearer,abc',
    'Bearer "abc"',
    "Bearer 'abc'",
    'Bearer token="abc"',
    'Bearer =abc',
    'Bearer =',
    'Bearer a=b',
    'Bearer abc%2E',
    'Bearer abcé',
    'Bearer abc\u0000',
    'Bearer abc,Bearer abc',
    'Bearer abc, Bearer def',
    'Bearer abc, Basic YTpi',
    'Bearer abc,',
  ])('is malformed unless it is one b64token after exactly one space: %j (RFC 6750 §2.1)', header => {
    expect(parseBearerToken(header)).toBe('credentials_malformed')
  })

  it('of a megabyte is read in one pass', () => {
    expect(parseBearerToken(`Bearer ${'a'.repeat(1_000_000)}!`)).toBe('credentials_malformed')
    expect(parseBearerToken(`Bearer ${'='.repeat(1_000_000)}`)).toBe('credentials_malformed')
  })
})
