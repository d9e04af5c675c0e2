import fc from 'fast-check'
import type { Edit } from './arbitrary-edits.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** n, the order of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const octets = (segment: string) => Buffer.from(segment, 'base64url')

/** A change of one segment of a token, the three of them alike. */
function inSegment(change: fc.Arbitrary<Edit>): fc.Arbitrary<Edit> {
  return fc.tuple(fc.nat(2), change).map(([which, respell]) => token => {
    return token
      .split('.')
      .map((segment, index) => (index === which ? respell(segment) : segment))
      .join('.')
  })
}

/** The last character of base64url with other unused bits, where it has some. */
const otherUnusedBits = fc.integer({ min: 1, max: 15 }).map<Edit>(bits => segment => {
  const unused = [0, 0, 16, 4][segment.length % 4] ?? 0
  if (unused === 0) return segment
  const last = alphabet.indexOf(segment.slice(-1))
  return segment.slice(0, -1) + alphabet.charAt(last - (last % unused) + (bits % unused))
})

const insertion = fc
  .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(' ', '\n', '\r\n', '\t', '\0', '='))
  .map<Edit>(([where, char]) => segment => {
    const index = Math.floor(where * segment.length)
    return segment.slice(0, index) + char + segment.slice(index)
  })
  // A lenient decoder stops at `=`: only behind the end is the content the same.
  .map<Edit>(insert => segment => {
    const changed = insert(segment)
    return changed.indexOf('=') >= 0 && !changed.endsWith('=') ? `${segment}=` : changed
  })

/** Other texts for the same octets, to a lenient decoder. */
export const segmentRespelling: fc.Arbitrary<Edit> = inSegment(
  fc.oneof(
    otherUnusedBits,
    insertion,
    fc.constantFrom<Edit>(
      segment => octets(segment).toString('base64'),
      segment => segment.replaceAll('-', '+'),
      segment => segment.replaceAll('_', '/'),
      segment => segment + '='.repeat(4 - (segment.length % 4)),
      segment => `${segment}====`,
    ),
  ),
)

function derInteger(value: Buffer): Buffer {
  const digits = Buffer.from(value.toString('hex').replace(/^(00)+/, ''), 'hex')
  const padded = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits
  return Buffer.concat([Buffer.from([2, padded.length]), padded])
}

/** Other signatures that some verifier takes for the same. */
export const signatureRespelling: fc.Arbitrary<Edit> = fc
  .constantFrom<(r: Buffer, s: Buffer) => Buffer>(
    (r, s) => {
      const twin = order - BigInt(`0x${s.toString('hex')}`)
      return Buffer.concat([r, Buffer.from(twin.toString(16).padStart(64, '0'), 'hex')])
    },
    (r, s) => {
      const both = Buffer.concat([derInteger(r), derInteger(s)])
      return Buffer.concat([Buffer.from([0x30, both.length]), both])
    },
    (r, s) => Buffer.concat([r, s, Buffer.alloc(1)]),
    (r, s) => Buffer.concat([Buffer.alloc(1), r, s]),
    (r, s) => Buffer.concat([Buffer.alloc(1), r, Buffer.alloc(1), s]),
    (r, s) => Buffer.concat([r, s, r, s]),
    (r, s) => Buffer.concat([s, r]),
    (r, s) => Buffer.concat([r, s]).subarray(1),
    (r, s) => Buffer.concat([r, s]).subarray(0, 63),
    r => Buffer.concat([r, Buffer.alloc(32)]),
    () => Buffer.alloc(64),
    () => Buffer.alloc(0),
  )
  .map(change => token => {
    const end = token.lastIndexOf('.') + 1
    const signature = octets(token.slice(end))
    const other = change(signature.subarray(0, 32), signature.subarray(32))
    return token.slice(0, end) + other.toString('base64url')
  })

/** A character written as an escape, as JSON allows for each of a string (RFC 8259 §7). */
const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Other JSON texts for the same value, and some that say a member twice or a number beyond what a double holds. */
export const jsonRespelling: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.nat(30),
    fc.constantFrom(' ', '\n', '\t', '\r\n'),
    fc.constantFrom<(text: string, index: number, space: string) => string>(
      (text, index, space) => nth(text, /[{}:,]/g, index, mark => `${mark}${space}`),
      (text, index, space) => nth(text, /[{}:,]/g, index, mark => `${space}${mark}`),
      (text, index) => nth(text, /[A-Za-z]/g, index, escaped),
      (text, index) =>
        nth(text, /[A-Za-z]/g, index, letter => escaped(letter).toUpperCase().replace('\\U', '\\u')),
      (text, index) => nth(text, /\//g, index, () => '\\/'),
      (text, index) => nth(text, /:(\d+)/g, index, number => `${number}.0`),
      (text, index) => nth(text, /:(\d+)/g, index, number => `${number}e0`),
      (text, index) => nth(text, /:(\d+)/g, index, number => `${number}.00000000000000000001`),
      (text, index) =>
        nth(text, /[{,]("[a-z_]+":("[^"]*"|\d+))/g, index, member => `${member},${member.slice(1)}`),
      (text, index) => nth(text, /[{,]"[a-z_]+":/g, index, member => `${member}0,${member.slice(1)}`),
      text => `${text}\0`,
      text => `\ufeff${text}`,
      text => `${text}${text}`,
      text => `[${text}]`,
      text => JSON.stringify(text),
    ),
  )
  .map(
    ([index, space, respell]) =>
      text =>
        respell(text, index, space),
  )

/** Replaces one match, counted round and round. */
function nth(text: string, pattern: RegExp, index: number, replace: (match: string) => string): string {
  const matches = [...text.matchAll(pattern)]
  const match = matches[index % Math.max(1, matches.length)]
  if (match === undefined) return text
  return text.slice(0, match.index) + replace(match[0]) + text.slice(match.index + match[0].length)
}

/** Other ways to send what a token says. */
export const anySpelling: fc.Arbitrary<Edit> = fc.constantFrom<Edit>(
  token => token.toUpperCase(),
  token => token.toLowerCase(),
  token => `${token}.`,
  token => `.${token}`,
  token => `"${token}"`,
  token => ` ${token}`,
  token => `${token}\n`,
  token => `Bearer ${token}`,
  token => `${token},${token}`,
  token => token.replaceAll('.', '%2E'),
  token => token.replaceAll('.', '\u3002'),
  token => encodeURIComponent(token),
  token => Buffer.from(token).toString('base64url'),
  token => {
    const [head, payload, signature] = token.split('.')
    return JSON.stringify({ protected: head, payload, signature })
  },
  token => {
    const [head, payload, signature] = token.split('.')
    return JSON.stringify({ payload, signatures: [{ protected: head, signature }] })
  },
  token => {
    const [head, , signature] = token.split('.')
    return `${head}..${signature}`
  },
  token => token.split('.').slice(0, 2).join('.'),
  token => `${token.split('.').slice(0, 2).join('.')}.`,
)
