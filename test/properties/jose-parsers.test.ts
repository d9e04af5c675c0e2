import { createPublicKey, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { parseClientAssertion } from '../../lambda/oauth/client-assertion.ts'
import { parseClientJwks } from '../../lambda/oauth/client-keys.ts'
import { derToJoseLowS, joseToDer } from '../../lambda/oauth/ecdsa-signature.ts'
import { isJwksUri } from '../../lambda/oauth/jwks-uri.ts'
import { parseJws } from '../../lambda/oauth/jws.ts'
import { isPublicAddress } from '../../lambda/oauth/public-address.ts'
import { verifySignature } from '../../lambda/oauth/verify-signature.ts'
import { encode, publicJwk, signTexts } from '../lambda/oauth/support/token-maker.ts'
import { anyJson, anyText, objectWith, textOf } from './arbitrary-json.ts'
import { outcomeOf } from './declared-errors.ts'
import { itHolds } from './run-property.ts'

const base64url = fc.uint8Array({ maxLength: 300 }).map(encode)

/** A secret in the place of any value: it must never come back in words about what is wrong. */
const canary = 'canary-7c1f'

describe('the keys of a client', () => {
  const jwk = fc.oneof(
    objectWith({
      kty: fc.constantFrom('EC', 'OKP', 'RSA', 'oct', canary),
      crv: fc.constantFrom('P-256', 'Ed25519', 'P-384', canary),
      x: fc.oneof(fc.constant(publicJwk.x), base64url),
      y: fc.oneof(fc.constant(publicJwk.y), base64url),
      n: base64url,
      e: fc.constantFrom('AQAB', 'AQ', canary),
      kid: fc.constantFrom('key-1', 'key-2', canary),
      alg: fc.constantFrom('ES256', 'RS256', 'EdDSA', canary),
      use: fc.constantFrom('sig', 'enc', canary),
      key_ops: fc.constantFrom(['verify'], [canary]),
    }),
    fc.constant(publicJwk),
    anyJson,
  )
  const jwks = fc.oneof(objectWith({ keys: fc.array(jwk, { maxLength: 12 }) }), anyJson)

  itHolds(
    'are public keys of known members or words without anything of the input, whatever they are (RFC 7517 §5)',
    250,
    fc.property(jwks, fc.constantFrom('ES256', 'RS256', 'PS256', 'EdDSA', undefined), (value, algorithm) => {
      const keys = outcomeOf(() => parseClientJwks(value, algorithm))
      if (typeof keys === 'string') {
        expect(keys).toMatch(/^jwks/)
        expect(keys).not.toContain(canary)
        return
      }
      for (const key of keys) {
        expect([algorithm, undefined]).toContain(algorithm && key.algorithm)
        expect(['crv,kty,x,y', 'crv,kty,x', 'e,kty,n']).toContain(Object.keys(key.jwk).join())
        expect(createPublicKey({ key: { ...key.jwk }, format: 'jwk' }).type).toBe('public')
        expect(outcomeOf(() => verifySignature('a.b', Buffer.alloc(64), key))).toBe(false)
      }
    }),
  )
})

describe('a JWS of somebody else', () => {
  const json = fc.oneof(
    fc.json(),
    anyText,
    textOf([
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      ' ',
      '\n',
      '"a"',
      '"\\u0061"',
      '1',
      '1.0',
      '1e3',
      'true',
      'null',
      '"',
      '\\',
    ]),
    objectWith({ alg: fc.constant('ES256'), sub: fc.constant('id') }).map(value => JSON.stringify(value)),
    fc.integer({ min: 1, max: 700 }).map(depth => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  )
  const jws = fc.oneof(
    anyText,
    textOf(['.', encode('{}'), encode('{"alg":"none"}'), '=', 'AA']),
    fc.tuple(json, json).map(texts => signTexts(...texts)),
  )

  itHolds(
    'is read as any JSON parser reads it, and only when there is one reading, or refused (RFC 7515 §5.2)',
    400,
    fc.property(jws, text => {
      const parsed = outcomeOf(() => parseJws(text))
      if (parsed === undefined || parsed === 'refused') return
      const [head = '', payload = '', signature = ''] = text.split('.')
      expect(text).toBe(`${parsed.signingInput}.${signature}`)
      expect([head, payload, signature].map(part => encode(Buffer.from(part, 'base64url')))).toEqual(
        text.split('.'),
      )
      for (const [part, value] of [[head, parsed.header] as const, [payload, parsed.payload] as const]) {
        expect(value).toEqual(JSON.parse(Buffer.from(part, 'base64url').toString()))
        expect(Object.prototype.toString.call(value)).toBe('[object Object]')
      }
    }),
  )

  const repeated = fc
    .tuple(fc.string({ minLength: 1 }), anyJson, anyJson, fc.boolean())
    .map(([name, one, other, isNested]) => {
      const member = JSON.stringify(name)
      // The same name by another spelling is the same member.
      const spelled = `"${[...name].map(c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
      const object = `{${member}:${JSON.stringify(one)},${isNested ? member : spelled}:${JSON.stringify(other)}}`
      return isNested ? `{"a":[${object}]}` : object
    })

  itHolds(
    'is refused when it says a member twice, at any depth and in any spelling (RFC 7515 §4)',
    150,
    fc.property(repeated, text => {
      expect(parseJws(signTexts(text, '{}'))).toBeUndefined()
      expect(parseJws(signTexts('{}', text))).toBeUndefined()
    }),
  )

  itHolds(
    'is an assertion of one client by one algorithm, or none, whatever the text is (RFC 7523 §3)',
    250,
    fc.property(jws, text => {
      const assertion = outcomeOf(() => parseClientAssertion(text))
      if (assertion === undefined || assertion === 'refused') return
      expect(assertion.clientId).toBe(assertion.jws.payload.sub)
      expect(assertion.algorithm).toBe(assertion.jws.header.alg)
    }),
  )
})

describe('a signature in DER', () => {
  const octet = fc.constantFrom(0, 1, 2, 0x20, 0x21, 0x30, 0x44, 0x45, 0x46, 0x7f, 0x80, 0xff)
  const der = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.array(octet, { maxLength: 80 }).map(octets => Uint8Array.from(octets)),
    fc.uint8Array({ minLength: 64, maxLength: 64 }).map(signature => joseToDer(signature)),
  )

  itHolds(
    'has 64 octets with low S in JOSE, or none, whatever its octets are (RFC 7518 §3.4)',
    400,
    fc.property(der, octets => {
      const signature = outcomeOf(() => derToJoseLowS(octets))
      if (signature === undefined || signature === 'refused') return
      expect(signature).toHaveLength(64)
    }),
  )

  const publicKey = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
  itHolds(
    'verifies in either form alike (RFC 7518 §3.4)',
    100,
    fc.property(fc.string(), fc.constantFrom(-1, 0, 40, 63), (text, flipped) => {
      const [head = '', payload = '', segment = ''] = signTexts(text, text).split('.')
      const input = Buffer.from(`${head}.${payload}`)
      const signature = Buffer.from(segment, 'base64url')
      if (flipped >= 0) signature[flipped] = (signature[flipped] ?? 0) ^ 1
      const raw = verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
      expect(verify('sha256', input, publicKey, joseToDer(signature))).toBe(raw)
      expect(raw).toBe(flipped < 0)
    }),
  )
})

describe('the address of a client’s keys', () => {
  const pieces = [
    'https://',
    'http://',
    'example.com',
    'localhost',
    '127.0.0.1',
    '[::1]',
    '0x7f.1',
    ':443',
    '/',
    '#',
    '@',
    '..',
    '%2e',
    '169.254.169.254',
    '2130706433',
  ]

  itHolds(
    'is an https URL of a public host in its normal spelling, or none, whatever the text is (RFC 7591 §2)',
    400,
    fc.property(fc.oneof(textOf(pieces), fc.webUrl(), anyText), text => {
      if (!outcomeOf(() => isJwksUri(text, undefined))) return
      const { protocol, port, username, password, hash, hostname, href } = new URL(text)
      expect([protocol, port, username, password, hash, href]).toEqual(['https:', '', '', '', '', text])
      expect(hostname).not.toMatch(/^(localhost|127\.|10\.|169\.254\.|192\.168\.|\[::|\[f)/)
    }),
  )

  itHolds(
    'is never at an address with a special meaning, however it is written (RFC 6890)',
    400,
    fc.property(fc.oneof(fc.ipV4Extended(), fc.ipV6(), anyText), text => {
      if (!outcomeOf(() => isPublicAddress(text))) return
      expect(text).not.toMatch(/^(0|10|127)\.|^169\.254\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^f|^::/i)
    }),
  )
})
