import { describe, expect, it } from 'vitest'
import { parseJws } from '../../../lambda/oauth/jws.ts'
import { verifySignature } from '../../../lambda/oauth/verify-signature.ts'
import { algorithms, assertionOf, clientKey, makeAssertion, signInput } from './support/assertion-maker.ts'
import { encode } from './support/token-maker.ts'

const header = '{"alg":"ES256"}'
const withPayload = (payload: string | Uint8Array) => `${encode(header)}.${encode(payload)}.AA`

describe('a JWS in compact serialisation (RFC 7515 §7.1)', () => {
  it('is taken apart', () => {
    expect(parseJws(withPayload('{"a":[1,"b",{"c":null}]}'))).toEqual({
      header: { alg: 'ES256' },
      payload: { a: [1, 'b', { c: null }] },
      signingInput: `${encode(header)}.${encode('{"a":[1,"b",{"c":null}]}')}`,
      signature: Buffer.from([0]),
    })
  })

  it.each([
    ['white space', ' {\n\t"a" : [ 1 , 2 ] ,\r "b":{ } } ', { a: [1, 2], b: {} }],
    ['escapes', '{"\\u0061":"\\u0022\\/\\n\\ud83d\\ude00"}', { a: '"/\n😀' }],
    ['a slash', '{"a":"x/y"}', { a: 'x/y' }],
    ['numbers in any spelling', '{"a":1.50,"b":1e2,"c":-0.0,"d":1E-2}', { a: 1.5, b: 100, c: -0, d: 0.01 }],
    ['literals', '{"a":true,"b":false,"c":null}', { a: true, b: false, c: null }],
    ['punctuation in text', '{"a":"{} [] : , \\\\ \\""}', { a: '{} [] : , \\ "' }],
    ['nothing', '{}', {}],
    ['the same name at two depths', '{"a":{"a":1},"b":{"a":2}}', { a: { a: 1 }, b: { a: 2 } }],
    ['an own __proto__', '{"__proto__":1}', JSON.parse('{"__proto__":1}')],
  ])('may have %s (RFC 8259 §2)', (_, text, payload) => {
    expect(parseJws(withPayload(text))?.payload).toEqual(payload)
  })

  it.each<[string, string | Uint8Array]>([
    ['a repeated member', '{"a":1,"a":1}'],
    ['one repeated with an escape', '{"a":1,"\\u0061":2}'],
    ['one repeated further down', '{"b":[{"a":1,"a":2}]}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['text', '"a"'],
    ['a number', '1'],
    ['no JSON', '{'],
    ['nothing at all', ''],
    ['more after the end', '{}{}'],
    ['a byte order mark', '\ufeff{}'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['an overlong encoding', Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['a number beyond a double', '{"a":1e999}'],
    ['a member that others read in another order', '{"b":1,"1":2}'],
  ])('does not have %s (RFC 8725 §3.7)', (_, payload) => {
    expect(parseJws(withPayload(payload))).toBe(undefined)
    expect(parseJws(`${encode(payload)}.${encode('{}')}.AA`)).toBe(undefined)
  })

  const [first = '', second = '', third = ''] = makeAssertion().split('.')
  it.each([
    ['nothing', ''],
    ['empty segments', '..'],
    ['two segments', `${first}.${second}`],
    ['no signature', `${first}.${second}.`],
    ['no header', `.${second}.${third}`],
    ['no payload', `${first}..${third}`],
    ['four segments', `${first}.${second}.${third}.${third}`],
    ['four segments, the last empty', `${first}.${second}.${third}.`],
    ['five segments (RFC 7516)', `${first}.${second}.${third}.${third}.${third}`],
    ['padding', `${first}=.${second}.${third}`],
    ['padding behind', `${first}.${second}.${third}=`],
    ['a space', `${first}.${second}.${third} `],
    ['unused bits (RFC 4648 §3.5)', `${first}.${second}.AB`],
    ['another alphabet', `${first}.${second}.+/`],
    ['a character that is no octet', `${first}.${second}.A`],
  ])('is refused with %s', (_, text) => {
    expect(parseJws(text)).toBe(undefined)
  })
})

describe('the signature of a JWS (RFC 7518 §3, RFC 8037 §3.1)', () => {
  const input = 'header.payload'

  it.each(algorithms)('is verified by %s with the key it was made with, and no other', algorithm => {
    const signature = signInput(algorithm, input)
    expect(verifySignature(input, signature, clientKey(algorithm))).toBe(true)
    expect(verifySignature(`${input}x`, signature, clientKey(algorithm))).toBe(false)
    for (const other of algorithms.filter(each => each !== algorithm)) {
      expect(verifySignature(input, signature, clientKey(other))).toBe(false)
    }
    // The same key bound to another algorithm: RSA keys fit two.
    for (const other of algorithms.filter(each => each !== algorithm)) {
      const rebound = { ...clientKey(algorithm), algorithm: other }
      const isSame = ['RS256', 'PS256'].includes(algorithm) === ['RS256', 'PS256'].includes(other)
      if (isSame) expect(verifySignature(input, signature, rebound)).toBe(false)
    }
  })

  it.each(algorithms)(
    'of %s is refused when any octet is changed, missing or added, without a throw',
    algorithm => {
      const signature = signInput(algorithm, input)
      const changed = Buffer.from(signature)
      changed[0] = (changed[0] ?? 0) ^ 1
      const others = [
        changed,
        signature.subarray(1),
        Buffer.concat([signature, Buffer.alloc(1)]),
        Buffer.alloc(0),
      ]
      for (const other of others) expect(verifySignature(input, other, clientKey(algorithm))).toBe(false)
    },
  )

  it('of an RSA key is as long as its modulus: one that begins with a zero has no shorter spelling (RFC 8017 §8.1.2)', () => {
    // A salt makes every PSS signature another one: one in 256 begins with a zero.
    let signature = signInput('PS256', input)
    while (signature[0] !== 0) signature = signInput('PS256', input)
    expect(verifySignature(input, signature, clientKey('PS256'))).toBe(true)
    expect(verifySignature(input, signature.subarray(1), clientKey('PS256'))).toBe(false)
  })

  it('is refused with a key that is none', () => {
    const key = { ...clientKey('ES256'), jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } }
    expect(verifySignature(input, signInput('ES256', input), key)).toBe(false)
  })

  it('is over the segments as they came', () => {
    const spaced = assertionOf('{ "alg":"ES256" }', '{ "a" : 1 }')
    const jws = parseJws(spaced)
    expect(
      verifySignature(jws?.signingInput ?? '', jws?.signature ?? Buffer.alloc(0), clientKey('ES256')),
    ).toBe(true)
  })
})
