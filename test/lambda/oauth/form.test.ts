import { describe, expect, it } from 'vitest'
import { parseForm } from '../../../lambda/oauth/form.ts'
import type { HttpRequest } from '../../../lambda/oauth/http.ts'
import { OAuthError } from '../../../lambda/oauth/oauth-error.ts'
import { formRequest } from './support/token-endpoint.ts'

function parse(changes: Partial<HttpRequest>): Record<string, string> | string {
  try {
    return Object.fromEntries(parseForm({ ...formRequest({}), ...changes }))
  } catch (error) {
    if (error instanceof OAuthError) return error.reason
    throw error
  }
}

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const typed = (type: string | undefined) => ({ headers: { 'content-type': type }, body: 'a=1' })

describe('a form', () => {
  it.each([
    ['a=1&b=2', { a: '1', b: '2' }],
    ['a=x+y%20z%2B', { a: 'x y z+' }],
    ['a=1=2', { a: '1=2' }],
    ['=1', { '': '1' }],
    ['%61=1', { a: '1' }],
    ['a=&b', {}],
    ['', {}],
    ['a[]=1&a[0]=2', { 'a[]': '1', 'a[0]': '2' }],
    ['a=%F0%9F%98%80', { a: '😀' }],
  ])('%j is %j: a parameter without a value is left out (RFC 6749 §3.2, Appendix B)', (body, expected) => {
    expect(parse({ body })).toEqual(expected)
    expect(parse({ body: base64(body), isBase64Encoded: true })).toEqual(expected)
  })

  it.each([
    ['a=1&a=1', 'parameter_repeated'],
    ['a=&a=', 'parameter_repeated'],
    ['a&%61=1', 'parameter_repeated'],
    ['resource=x&resource=y', 'resource_repeated'],
    ['a=%', 'parameter_malformed'],
    ['a=%e', 'parameter_malformed'],
    ['a=%zz', 'parameter_malformed'],
    ['%=1', 'parameter_malformed'],
    ['a=%c0%af', 'parameter_malformed'],
    ['a=%ff', 'parameter_malformed'],
    ['a=%00', 'parameter_malformed'],
    ['a=\0', 'parameter_malformed'],
    ['a=\ud800', 'body_encoding_invalid'],
  ])('refuses %j as %s (RFC 6749 §3.2)', (body, reason) => {
    expect(parse({ body })).toBe(reason)
  })

  it('without a body has no parameters', () => {
    expect(parse({ body: undefined })).toEqual({})
    expect(parse({ body: undefined, isBase64Encoded: true })).toEqual({})
  })

  it('decodes base64 once, strictly, and only when it is told to', () => {
    const isBase64Encoded = true
    expect(parse({ body: base64('a=1') })).toEqual({})
    expect(parse({ body: base64(base64('a=1')), isBase64Encoded })).toEqual({})
    for (const body of [
      'a=1',
      '!!!!',
      `${base64('a=1')}=`,
      'YT0x\n',
      'YT0',
      base64(new Uint8Array([0x61, 0x3d, 0xff])),
    ]) {
      expect(parse({ body, isBase64Encoded })).toBe('body_encoding_invalid')
    }
  })

  it('has at most 16384 bytes after decoding, and 64 parameters', () => {
    const full = `a=${'x'.repeat(16_382)}`
    for (const [body, reason] of [
      [full, undefined],
      [`${full}x`, 'body_too_large'],
      [`a=${'é'.repeat(8192)}`, 'body_too_large'],
      ['x'.repeat(1_000_000), 'body_too_large'],
    ] as const) {
      expect(typeof reason === 'string' ? parse({ body }) : typeof parse({ body })).toBe(reason ?? 'object')
      const encoded = parse({ body: base64(body), isBase64Encoded: true })
      expect(typeof reason === 'string' ? encoded : typeof encoded).toBe(reason ?? 'object')
    }
    // Base64 of more than that is not even decoded: it may be none.
    expect(parse({ body: '!'.repeat(21_849), isBase64Encoded: true })).toBe('body_too_large')
    expect(parse({ body: '!'.repeat(21_848), isBase64Encoded: true })).toBe('body_encoding_invalid')
    const parameters = (count: number) => Array.from({ length: count }, (_, index) => `${index}=1`).join('&')
    expect(typeof parse({ body: parameters(64) })).toBe('object')
    expect(parse({ body: parameters(65) })).toBe('too_many_parameters')
    expect(parse({ body: '&'.repeat(12_000) })).toBe('too_many_parameters')
  })

  it('comes by POST, without a query, as a form', () => {
    expect(parse({ method: 'GET' })).toBe('method_not_allowed')
    expect(parse({ method: 'post' })).toBe('method_not_allowed')
    expect(parse({ rawQueryString: 'a=1' })).toBe('query_not_allowed')
    expect(parse(typed('application/x-www-form-urlencoded; charset=UTF-8'))).toEqual({ a: '1' })
    expect(parse(typed(' application/x-www-form-urlencoded\t'))).toEqual({ a: '1' })
    for (const type of [
      undefined,
      '',
      'application/json',
      'text/plain',
      'application/x-www-form-urlencodedx',
      'application/x-www-form-urlencoded, application/x-www-form-urlencoded',
    ]) {
      expect(parse(typed(type))).toBe('content_type_unsupported')
    }
  })
})
