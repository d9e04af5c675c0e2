import { createHmac, createPublicKey, sign } from 'node:crypto'
import type { Json } from '../../flow/local-stack.ts'
import type { AssertionClient } from './assertion-client.ts'
import {
  type AssertionKey,
  craftedAssertion,
  encode,
  segmentsOf,
  signatureOf,
  signSegments,
  signTexts,
  withSignature,
} from './client-assertion.ts'

/** A hostile assertion: what is wrong with it, and how it is made for a client. */
export type Row = [what: string, make: (client: AssertionClient) => string]

/** A row with other members in its header, signed by the client's key: undefined leaves one out. */
export const headerRow = (what: string, header: Json): Row => [what, client => client.crafted({}, header)]

const none = (client: AssertionClient, alg: unknown) => {
  const [header, payload] = segmentsOf(client.crafted({}, { alg }))
  return `${header}.${payload}`
}

export const algorithmRows: Row[] = [
  ['A1: alg none and no signature', client => `${none(client, 'none')}.`],
  ...['None', 'NONE', 'nOnE', 'none ', 'none\u0000', ''].map(
    (alg): Row => [`A2: alg ${JSON.stringify(alg)} and no signature`, client => `${none(client, alg)}.`],
  ),
  [
    'A2: alg none in an escape',
    client => `${encode('{"alg":"\\u006eone"}')}.${segmentsOf(client.crafted())[1]}.`,
  ],
  ['A2: alg none and a true signature', client => client.crafted({}, { alg: 'none' })],
  ['A2: alg none and a signature of one octet', client => `${none(client, 'none')}.AA`],
  ['A4: alg none and two segments', client => none(client, 'none')],
  ['A4: ES256 and no signature', client => `${none(client, 'ES256')}.`],
  ['A4: ES256 and two segments', client => none(client, 'ES256')],
  ...['HS256', 'HS384', 'HS512'].map((alg): Row => headerRow(`A5: alg ${alg} and a true signature`, { alg })),
  ...[
    undefined,
    null,
    256,
    true,
    ['ES256'],
    { alg: 'ES256' },
    'ES384',
    'ES512',
    'ES256K',
    'RS1',
    'RSA-OAEP',
  ].map((alg): Row => headerRow(`A7: alg ${JSON.stringify(alg)}`, { alg })),
  ...['es256', 'ES256\u0000', ' ES256', 'ES256 ', 'Es256', 'EDDSA', 'ed25519', 'ES256,none'].map(
    (alg): Row => headerRow(`A8: alg ${JSON.stringify(alg)}`, { alg }),
  ),
]

/** What an attacker may take for the secret of an HMAC (RFC 8725 §2.1): every form of a public key. */
export const publicKeySpellings: [string, (key: AssertionKey) => string | Buffer][] = [
  ['PEM', ({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' })],
  [
    'PEM without its newline',
    ({ publicKey }) => String(publicKey.export({ type: 'spki', format: 'pem' })).trim(),
  ],
  ['DER', ({ publicKey }) => publicKey.export({ type: 'spki', format: 'der' })],
  ['JWK', ({ publicKey }) => JSON.stringify(publicKey.export({ format: 'jwk' }))],
  ['JWK as registered', ({ jwk }) => JSON.stringify(jwk)],
  ['its first member', ({ jwk }) => Buffer.from(String(jwk.x ?? jwk.n), 'base64url')],
  ['its first member in base64url', ({ jwk }) => String(jwk.x ?? jwk.n)],
  ['nothing', () => ''],
]

/** An assertion with an HMAC in the place of its signature. */
export function hmacAssertion(client: AssertionClient, alg: string, secret: string | Buffer): string {
  const assertion = craftedAssertion(client.key, client.claims(), { alg })
  const input = assertion.slice(0, assertion.lastIndexOf('.'))
  return withSignature(assertion, createHmac('sha256', secret).update(input).digest())
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const number = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
const changedSignature = (what: string, change: (signature: Buffer) => Buffer): Row => [
  what,
  client => {
    const assertion = client.crafted()
    const signature = Buffer.from(segmentsOf(assertion)[2], 'base64url')
    return withSignature(assertion, change(signature))
  },
]
const half = Buffer.alloc(32)

export const signatureRows: Row[] = [
  [
    'A10: a signature in DER',
    client => {
      const assertion = client.crafted()
      const input = assertion.slice(0, assertion.lastIndexOf('.'))
      return withSignature(assertion, sign('sha256', Buffer.from(input), client.key.privateKey))
    },
  ],
  changedSignature('A11: a signature of 63 octets', signature => signature.subarray(1)),
  changedSignature('A11: a signature without its last octet', signature => signature.subarray(0, 63)),
  changedSignature('A11: a signature of 65 octets', signature => Buffer.concat([signature, Buffer.alloc(1)])),
  changedSignature('A11: a zero before a signature', signature =>
    Buffer.concat([Buffer.alloc(1), signature]),
  ),
  changedSignature('A11: a signature of 128 octets', signature =>
    Buffer.concat([half, signature.subarray(0, 32), half, signature.subarray(32)]),
  ),
  changedSignature('A11: a signature twice', signature => Buffer.concat([signature, signature])),
  changedSignature('A11: a signature of 3000 octets', () => Buffer.alloc(2800, 1)),
  changedSignature('A11: r and s of zero', () => Buffer.alloc(64)),
  changedSignature('A11: r of zero', signature => Buffer.concat([half, signature.subarray(32)])),
  changedSignature('A11: s of zero', signature => Buffer.concat([signature.subarray(0, 32), half])),
  changedSignature('A11: r and s of the order', () => Buffer.concat([number(order), number(order)])),
  changedSignature('A11: r of the order', signature =>
    Buffer.concat([number(order), signature.subarray(32)]),
  ),
  changedSignature('A11: r and s of one', () => Buffer.concat([number(1n), number(1n)])),
  changedSignature('A11: r and s of ones', () => Buffer.alloc(64, 0xff)),
  changedSignature('A11: s and r exchanged', signature =>
    Buffer.concat([signature.subarray(32), signature.subarray(0, 32)]),
  ),
  changedSignature('A11: one bit of s changed', signature => {
    signature[63] = (signature[63] ?? 0) ^ 1
    return signature
  }),
  [
    'A11: the signature of another assertion',
    client => withSignature(client.crafted(), segmentsOf(client.crafted())[2]),
  ],
  [
    'A11: a signature over the payload alone',
    client => {
      const assertion = client.crafted()
      return withSignature(assertion, signatureOf(client.key, segmentsOf(assertion)[1]))
    },
  ],
]

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The last character of a segment with its unused bits changed: it stands for the same octets. */
export function otherSpellings(segment: string): string[] {
  const value = alphabet.indexOf(segment.at(-1) ?? '')
  const unused = segment.length % 4 === 2 ? 16 : segment.length % 4 === 3 ? 4 : 1
  return Array.from(
    { length: unused - 1 },
    (_, index) => `${segment.slice(0, -1)}${alphabet[value ^ (index + 1)]}`,
  )
}

const segmentRow = (what: string, change: (segments: string[]) => string): Row => [
  what,
  client => change(segmentsOf(client.crafted())),
]

export const encodingRows: Row[] = [
  ...[
    '=',
    '==',
    '%3D',
    ' ',
    '\n',
    '\r\n',
    '\t',
    '?',
    '!',
    '"',
    '\u00e9',
    '+',
    '/',
    '%2B',
    '*',
    '\ufeff',
  ].flatMap((text): Row[] =>
    [0, 1, 2].map(index =>
      segmentRow(`A14: ${JSON.stringify(text)} behind segment ${index + 1}`, segments =>
        segments.map((segment, at) => (at === index ? segment + text : segment)).join('.'),
      ),
    ),
  ),
  segmentRow('A14: white space before all', segments => ` ${segments.join('.')}`),
  segmentRow('A14: a newline within a segment', ([header = '', ...others]) =>
    [`${header.slice(0, 8)}\n${header.slice(8)}`, ...others].join('.'),
  ),
  ['A16: the alphabet of base64, signed as it is', client => inStandardAlphabet(client)],
  ['A17: a header in another spelling, signed as it is', client => otherSpelling(client, 0)],
  ['A17: a payload in another spelling, signed as it is', client => otherSpelling(client, 1)],
  [
    'A17: a header of 4n + 1 characters, signed as it is',
    client => {
      const [header, payload] = segmentsOf(client.crafted())
      return signSegments(client.key, header.padEnd(Math.ceil(header.length / 4) * 4 + 1, 'A'), payload)
    },
  ],
  segmentRow('A37: nothing', () => '.'),
  ...[1, 2, 3, 4, 1000, 4096].map((dots): Row => segmentRow(`A37: ${dots} dots`, () => '.'.repeat(dots))),
  segmentRow('A37: one segment', ([header = '']) => header),
  segmentRow('A37: a dot before all', segments => `.${segments.join('.')}`),
  segmentRow('A37: a dot behind all', segments => `${segments.join('.')}.`),
  segmentRow('A37: four segments', segments => `${segments.join('.')}.AA`),
  segmentRow('A37: a thousand segments', segments => `${segments.join('.')}${'.AA'.repeat(997)}`),
  segmentRow('A37: no header', ([, ...others]) => ['', ...others].join('.')),
  segmentRow('A37: no payload', ([header, , signature]) => [header, '', signature].join('.')),
  segmentRow('A37: JSON serialisation', ([header, payload, signature]) =>
    JSON.stringify({ protected: header, payload, signature }),
  ),
  segmentRow('A31: JWE with five segments', ([header]) =>
    [encode('{"alg":"dir","enc":"A256GCM","zip":"DEF"}'), '', header, header, header].join('.'),
  ),
]

/** A payload with bytes whose text has `+` or `/` in the alphabet of base64. */
function inStandardAlphabet(client: AssertionClient): string {
  const claims = JSON.stringify(client.claims({ note: '???>>>~~~???' }))
  const [header] = segmentsOf(client.crafted())
  return signSegments(client.key, header, Buffer.from(claims).toString('base64').replaceAll('=', ''))
}

/** A segment whose unused bits are not zero, under a signature over just that text. */
function otherSpelling(client: AssertionClient, index: 0 | 1): string {
  for (const space of ['', ' ', '  ']) {
    const texts = [{ alg: 'ES256', kid: client.key.kid }, client.claims()].map(
      part => JSON.stringify(part) + space,
    )
    const segments = texts.map(encode)
    const [other] = otherSpellings(segments[index] ?? '')
    if (other !== undefined) segments[index] = other
    if (other !== undefined) return signSegments(client.key, segments[0] ?? '', segments[1] ?? '')
  }
  throw new Error('every segment ends with a whole octet')
}

/** The public key of a pair in every form that a header could carry. */
export function embeddedKey({ publicKey }: AssertionKey): Json {
  return { ...createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ format: 'jwk' }) }
}

/** A row of texts for header and payload, signed as they are; `CLAIMS` in the payload stands for honest ones. */
export const textRow = (what: string, header: string | Buffer, payload: string | Buffer = 'CLAIMS'): Row => [
  what,
  client => {
    const claims = JSON.stringify(client.claims())
    return signTexts(
      client.key,
      header,
      typeof payload === 'string' ? payload.replaceAll('CLAIMS', () => claims) : payload,
    )
  },
]
