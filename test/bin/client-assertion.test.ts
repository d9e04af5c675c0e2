import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { importJWK, type JWK, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { parseSigningKey, signAssertion } from '../../bin/client-assertion.ts'
import { assertionAlgorithms, generateKeyPair } from '../../bin/key-pair.ts'
import { issuer, now } from './command-line.ts'

const about = { clientId: 'c_1', issuer, now }

describe.each(assertionAlgorithms)('an assertion signed with %s', algorithm => {
  const { publicJwk, privateJwk } = generateKeyPair(algorithm)
  const key = parseSigningKey(JSON.stringify(privateJwk))

  it('is verified by another library, for this issuer alone, for a minute (RFC 7523 §3)', async () => {
    const assertion = signAssertion(key, about)
    const verified = await jwtVerify(assertion, await importJWK(publicJwk as JWK, algorithm), {
      algorithms: [algorithm],
      currentDate: now,
    })
    expect(verified.protectedHeader).toEqual({ alg: algorithm, typ: 'JWT', kid: publicJwk.kid })
    expect(verified.payload).toEqual({
      iss: 'c_1',
      sub: 'c_1',
      aud: issuer,
      exp: now.getTime() / 1000 + 60,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it('is another one each time (RFC 7523 §3, jti)', () => {
    const [first, second] = [signAssertion(key, about), signAssertion(key, about)].map(payloadOf)
    expect(first?.jti).not.toBe(second?.jti)
  })
})

function payloadOf(assertion: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
const short = generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey.export({ format: 'jwk' })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ec = p256.privateKey.export({ format: 'jwk' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ format: 'jwk' })
const x25519 = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })

describe('a private key', () => {
  it.each<[string, JsonWebKey, string]>([
    ['its type: EC', ec, 'ES256'],
    ['its type: RSA', rsa, 'RS256'],
    ['its alg', { ...rsa, alg: 'PS256' }, 'PS256'],
  ])('signs with what follows from %s', (_what, jwk, algorithm) => {
    expect(parseSigningKey(JSON.stringify(jwk))).toMatchObject({ algorithm, kid: undefined })
  })

  it('without kid makes an assertion without (RFC 7515 §4.1.4)', () => {
    const [header = ''] = signAssertion(parseSigningKey(JSON.stringify(ec)), about).split('.')
    expect(JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))).toEqual({
      alg: 'ES256',
      typ: 'JWT',
    })
  })

  const { d, ...withoutD } = ec
  it.each<[string, string, string]>([
    ['no JSON', 'ctsn_secret', 'it is not one JWK'],
    ['nothing', '', 'it is not one JWK'],
    ['a JWK Set', JSON.stringify({ keys: [ec] }), 'it is not one JWK'],
    ['a public key', JSON.stringify(withoutD), 'the key is not a private one'],
    [
      'a symmetric key',
      JSON.stringify({ kty: 'oct', d, k: d }),
      'the key is for none of ES256, RS256, PS256 and EdDSA',
    ],
    [
      'another alg',
      JSON.stringify({ ...ec, alg: 'ES512' }),
      'the key is for none of ES256, RS256, PS256 and EdDSA',
    ],
    [
      'the alg of another type',
      JSON.stringify({ ...ec, alg: 'EdDSA' }),
      'the key is for none of ES256, RS256, PS256 and EdDSA',
    ],
    ['a kid that is no text', JSON.stringify({ ...ec, kid: 1 }), 'its kid is not text'],
    ['a curve of its own', JSON.stringify(p384), 'its curve is not P-256'],
    ['a key for key agreement', JSON.stringify(x25519), 'its curve is not Ed25519'],
    ['a key without its public half', JSON.stringify({ ...ec, x: undefined }), 'its members make no key'],
    ['a key too short for its alg', JSON.stringify({ ...short, alg: 'PS256' }), 'it does not sign'],
  ])('is refused without being repeated: %s', (_what, text, why) => {
    const parse = () => signAssertion(parseSigningKey(text), about)
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'invalid_usage',
        message: `the key file does not hold a private key that can be used: ${why}`,
      }),
    )
  })
})
