import { describe, expect, it } from 'vitest'
import { parseUnverifiedToken } from '../../../lambda/oauth/token-gate.ts'
import { claims, encode, header, makeToken, signRaw, signTexts } from './support/token-maker.ts'

const headerText = JSON.stringify(header)
const payload = JSON.stringify(claims)
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Segments as they are, signed as they are. */
function signSegments(head: string, body: string): string {
  return `${head}.${body}.${encode(signRaw(`${head}.${body}`))}`
}

/** The segment with each other value of its last character's unused bits. */
function otherSpellings(segment: string): string[] {
  const unusedBits = segment.length % 4 === 2 ? 4 : segment.length % 4 === 3 ? 2 : 0
  const last = alphabet.indexOf(segment.slice(-1))
  return Array.from(
    { length: 2 ** unusedBits - 1 },
    (_, bits) => segment.slice(0, -1) + alphabet[last + bits + 1],
  )
}

const bytes = (before: string, ...inserted: number[]) =>
  Buffer.concat([Buffer.from(before), Buffer.from(inserted)])

describe('the gate, of a token whose signature covers the odd text', () => {
  it.each([1, 2])('refuses unused bits in a segment with %i bytes over (RFC 4648 §3.5)', over => {
    const pad = (text: string, room: number) => 'x'.repeat((((over - text.length - room) % 3) + 3) % 3)
    const kid = `key-1${pad(headerText, 0)}`
    const head = encode(JSON.stringify({ ...header, kid }))
    const body = encode(JSON.stringify({ ...claims, x: pad(payload, 7) }))
    expect(parseUnverifiedToken(signSegments(head, body))).toMatchObject({ kid })
    const odd = [
      ...otherSpellings(head).map(other => signSegments(other, body)),
      ...otherSpellings(body).map(other => signSegments(head, other)),
    ]
    expect(odd).toHaveLength(over === 1 ? 30 : 6)
    for (const token of odd) expect(parseUnverifiedToken(token)).toBe('token_not_canonical')
  })

  it.each([
    ['a byte that is never valid', bytes('', 0xff)],
    ['an overlong form', bytes('', 0xc0, 0xaf)],
    ['a surrogate', bytes('', 0xed, 0xa0, 0x80)],
    ['a sequence cut short', bytes('', 0xe2, 0x82)],
    ['a code point beyond Unicode', bytes('', 0xf4, 0x90, 0x80, 0x80)],
  ])('refuses %s in UTF-8, among the claims as in the header (RFC 8725 §3.7, RFC 3629 §3)', (_, invalid) => {
    const inside = (text: string) =>
      Buffer.concat([Buffer.from(text.slice(0, -2)), invalid, Buffer.from(text.slice(-2))])
    expect(parseUnverifiedToken(signTexts(headerText, inside(payload)))).toBe('token_not_canonical')
    expect(parseUnverifiedToken(signTexts(inside(headerText), payload))).toBe('token_not_canonical')
  })

  it.each([
    ['a byte order mark', `\ufeff${payload}`],
    ['a trailing object', `${payload}{}`],
    ['a trailing comma', `${payload.slice(0, -1)},}`],
    ['a repeated claim with the same value', `${payload.slice(0, -1)},"iss":${JSON.stringify(claims.iss)}}`],
    ['a repeated member within a member', `${payload.slice(0, -1)},"x":{"a":1,"a":1}}`],
    ['a name in escapes', payload.replace('"aud"', '"\\u0061ud"')],
    ['a solidus in escapes', payload.replace('https://', 'https:\\/\\/')],
    ['an upper-case escape', `${payload.slice(0, -1)},"x":"\\u001F"}`],
    ['a lone surrogate, low', payload.replace('orders:read', '\\udfff')],
    ['a pair of surrogates in escapes', payload.replace('orders:read', '\\ud83d\\udd11')],
    ['minus zero', `${payload.slice(0, -1)},"x":-0}`],
    ['a fraction of zero', payload.replace(/"exp":(\d+)/, '"exp":$1.0')],
    ['an integer beyond a double', `${payload.slice(0, -1)},"x":9007199254740993}`],
    ['NaN', payload.replace(/"exp":\d+/, '"exp":NaN')],
    ['null', 'null'],
    ['a number', '1'],
    ['nothing between quotes', '""'],
  ])('refuses %s (RFC 8259, RFC 7519 §7.2)', (_, text) => {
    expect(parseUnverifiedToken(signTexts(headerText, text))).toBe('token_not_canonical')
  })

  it('takes well-formed text outside ASCII as it is', () => {
    expect(parseUnverifiedToken(makeToken({ x: 'é🔑' }))).toMatchObject({ claims: { x: 'é🔑' } })
  })

  it.each([
    ['__proto__', `${headerText.slice(0, -1)},"__proto__":{"alg":"none"}}`],
    ['x5u', JSON.stringify({ ...header, x5u: 'https://evil.example' })],
    ['x5t', JSON.stringify({ ...header, x5t: 'AA' })],
    ['enc', JSON.stringify({ ...header, enc: 'A256GCM' })],
    ['crit with a registered name', JSON.stringify({ ...header, crit: ['alg'] })],
    ['an empty name', JSON.stringify({ ...header, '': 1 })],
  ])('refuses a header with the member %s (RFC 7515 §4)', (_, text) => {
    expect(parseUnverifiedToken(signTexts(text, payload))).toBe('token_header_refused')
  })

  it.each([
    ' at+jwt',
    'at+jwt;x=1',
    'application/application/at+jwt',
    'text/at+jwt',
    'at+jwt\n',
    'dpop+jwt',
    '',
    ['at+jwt'],
    null,
  ])('refuses the type %j (RFC 9068 §4, RFC 8725 §3.11)', typ => {
    expect(parseUnverifiedToken(makeToken({}, { typ }))).toBe('token_header_refused')
  })
})

describe('the gate, at its limits', () => {
  const grow = (length: number) => {
    const empty = makeToken({ x: '' }).length
    const token = makeToken({ x: 'x'.repeat(Math.floor(((length - empty) * 3) / 4)) })
    return token
  }

  it('takes a token of 8,192 characters and none of one more', () => {
    const longest = Array.from({ length: 8 }, (_, more) => grow(8188 + more)).filter(
      ({ length }) => length <= 8192,
    )
    const token = longest.at(-1) ?? ''
    expect(token.length).toBeGreaterThan(8189)
    expect(typeof parseUnverifiedToken(token)).toBe('object')
    const [head, body, signature] = token.split('.')
    expect(parseUnverifiedToken(`${head}.${body}.${signature}${'A'.repeat(8193 - token.length)}`)).toBe(
      'token_too_long',
    )
    expect(parseUnverifiedToken('x'.repeat(1_048_576))).toBe('token_too_long')
  })

  it.each([4, 5, 1000])('refuses %i segments (RFC 7515 §7.1, RFC 7516 §7.1)', count => {
    expect(parseUnverifiedToken(Array(count).fill('e30').join('.'))).toBe('token_malformed')
    const [head, ...rest] = makeToken().split('.')
    expect(parseUnverifiedToken([head, ...rest, ...Array(count - 3).fill('')].join('.'))).toBe(
      'token_malformed',
    )
  })

  it('refuses brackets nested as deep as fit, in either place, and does not fail at it', () => {
    const nested = `${'['.repeat(2800)}${']'.repeat(2800)}`
    expect(parseUnverifiedToken(signTexts(nested, payload))).toBe('token_not_canonical')
    expect(parseUnverifiedToken(signTexts(headerText, nested))).toBe('token_not_canonical')
  })
})
