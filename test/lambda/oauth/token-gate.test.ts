import { describe, expect, it } from 'vitest'
import { parseUnverifiedToken } from '../../../lambda/oauth/token-gate.ts'
import { claims, encode, header, makeToken, signTexts } from './support/token-maker.ts'

const payload = JSON.stringify(claims)
const headerText = JSON.stringify(header)
const withHeader = (text: string | Uint8Array) => signTexts(text, payload)
const withPayload = (text: string | Uint8Array) => signTexts(headerText, text)

describe('the gate', () => {
  it('lets the one spelling through, with its claims', () => {
    const token = makeToken()
    expect(parseUnverifiedToken(token)).toEqual({ token, kid: 'key-1', algorithm: 'ES256', claims })
  })

  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt'])(
    'takes the type %s (RFC 9068 §2.1, RFC 7515 §4.1.9)',
    typ => {
      expect(parseUnverifiedToken(makeToken({}, { typ }))).toMatchObject({ kid: 'key-1' })
    },
  )

  it.each([
    ['no segments', ''],
    ['one segment', 'abc'],
    ['two segments', 'abc.def'],
    ['four segments', `${makeToken()}.abc`],
    ['an empty header', `.${makeToken().split('.').slice(1).join('.')}`],
    ['8192 dots', '.'.repeat(8192)],
  ])('refuses %s (RFC 7515 §7.1)', (_, token) => {
    expect(parseUnverifiedToken(token)).toBe('token_malformed')
  })

  it('looks at nothing longer than 8 KiB', () => {
    expect(parseUnverifiedToken(makeToken({ x: 'x'.repeat(8192) }))).toBe('token_too_long')
  })

  it.each([
    ['none', { alg: 'none' }],
    ['nOnE', { alg: 'nOnE' }],
    ['HS256', { alg: 'HS256' }],
    ['RS512', { alg: 'RS512' }],
    ['ES384', { alg: 'ES384' }],
    ['es256', { alg: 'es256' }],
    ['an algorithm with NUL', { alg: 'ES256\u0000' }],
    ['a list of algorithms', { alg: ['ES256'] }],
    ['null', { alg: null }],
    ['no algorithm', { alg: undefined }],
    ['JWT as its type', { typ: 'JWT' }],
    ['no type', { typ: undefined }],
    ['another type', { typ: 'at+jwt+x' }],
    ['no kid', { kid: undefined }],
    ['an empty kid', { kid: '' }],
    ['a path as kid', { kid: '../../dev/null' }],
    ['a kid of 65 characters', { kid: 'k'.repeat(65) }],
    ['a numeric kid', { kid: 1 }],
    ['crit', { crit: ['x'], x: 1 }],
    ['an empty crit', { crit: [] }],
    ['b64', { b64: false }],
    ['jwk', { jwk: { kty: 'EC' } }],
    ['x5c', { x5c: [] }],
    ['jku', { jku: 'https://evil.example' }],
    ['zip', { zip: 'DEF' }],
    ['cty', { cty: 'JWT' }],
  ])('refuses a header with %s (RFC 7515 §4, RFC 8725 §3)', (_, changes) => {
    expect(parseUnverifiedToken(makeToken({}, changes))).toBe('token_header_refused')
  })

  it.each([
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['white space', ` ${headerText}`],
    ['a byte order mark', `\ufeff${headerText}`],
    ['a trailing byte', `${headerText}\n`],
    ['a repeated member', `{"alg":"none",${headerText.slice(1)}`],
    ['an escaped name', headerText.replace('"alg"', '"\\u0061lg"')],
    ['invalid UTF-8', Buffer.concat([Buffer.from(headerText.slice(0, -1)), Buffer.from([0xff, 0x7d])])],
  ])('refuses %s in the header’s place (RFC 7515 §5.2, RFC 8259 §4)', (_, text) => {
    expect(parseUnverifiedToken(withHeader(text))).toBe('token_not_canonical')
  })

  it.each([
    ['a repeated claim', `${payload.slice(0, -1)},"aud":"x"}`],
    ['Infinity', payload.replace(/"exp":\d+/, '"exp":1e999')],
    ['an exponent', payload.replace(/"exp":\d+/, '"exp":1e10')],
    ['a lone surrogate', payload.replace('orders:read', '\\ud800')],
    ['white space', payload.replace(':', ': ')],
    ['a list', '[]'],
    ['nothing', '{'],
  ])('refuses %s among the claims (RFC 7519 §4, RFC 8259)', (_, text) => {
    expect(parseUnverifiedToken(withPayload(text))).toBe('token_not_canonical')
  })

  it('refuses the 15 other spellings of the last character of a segment (RFC 4648 §3.5)', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const token = makeToken()
    const index = alphabet.indexOf(token.slice(-1))
    expect(index % 16).toBe(0)
    for (let unused = 1; unused < 16; unused++) {
      const other = token.slice(0, -1) + alphabet[index + unused]
      expect(parseUnverifiedToken(other)).toBe('token_signature_malformed')
    }
  })

  it('refuses padding, the standard alphabet and white space in any segment (RFC 7515 §2)', () => {
    const segments = makeToken().split('.')
    for (const at of [0, 1, 2]) {
      for (const change of [
        (s: string) => `${s}=`,
        (s: string) => `${s}==`,
        (s: string) => `+${s.slice(1)}`,
        (s: string) => ` ${s}`,
        (s: string) => `${s}\n`,
        (s: string) => `é${s}`,
      ]) {
        const token = segments.map((segment, index) => (index === at ? change(segment) : segment)).join('.')
        expect(typeof parseUnverifiedToken(token)).toBe('string')
      }
    }
  })

  it('refuses a signature of another length, in DER, and the one with the high S (RFC 7518 §3.4)', () => {
    const [head = '', body = '', signature = ''] = makeToken().split('.')
    const raw = Buffer.from(signature, 'base64url')
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const highS = (order - BigInt(`0x${raw.subarray(32).toString('hex')}`)).toString(16).padStart(64, '0')
    const der = Buffer.concat([
      Buffer.from([0x30, 0x44, 2, 32]),
      raw.subarray(0, 32),
      Buffer.from([2, 32]),
      raw.subarray(32),
    ])
    const others = [
      raw.subarray(1),
      Buffer.concat([raw, Buffer.from([0])]),
      Buffer.concat([raw, raw]),
      Buffer.alloc(0),
      der,
      Buffer.concat([raw.subarray(0, 32), Buffer.from(highS, 'hex')]),
    ]
    for (const other of others) {
      const verdict = parseUnverifiedToken(`${head}.${body}.${encode(other)}`)
      expect(verdict).toBe('token_signature_malformed')
    }
  })
})
