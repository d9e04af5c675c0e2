import {
  constants,
  createPrivateKey,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  type SignKeyObjectInput,
  sign,
} from 'node:crypto'
import { type CommandFailure, usageFailure } from './failure.ts'
import { type AssertionAlgorithm, algorithmsOf } from './key-pair.ts'

/** A client's private key, and what it signs with. */
export interface SigningKey {
  algorithm: AssertionAlgorithm
  kid: string | undefined
  key: KeyObject
}

const lifetimeSeconds = 60

/**
 * Reads the private key of a client from a JWK (RFC 7517 §4). Its algorithm is its `alg`, or follows from its type.
 *
 * @throws CommandFailure `invalid_usage`, which never quotes the text
 */
export function parseSigningKey(text: string): SigningKey {
  const jwk = parseJwk(text)
  if (jwk === undefined) throw notKey('it is not one JWK')
  if (jwk.d === undefined) throw notKey('the key is not a private one')
  const [algorithm] = algorithmsOf(jwk)
  if (algorithm === undefined) throw notKey('the key is for none of ES256, RS256, PS256 and EdDSA')
  const { kid } = jwk
  if (kid !== undefined && typeof kid !== 'string') throw notKey('its kid is not text')
  const key = importKey(jwk)
  const { namedCurve } = key.asymmetricKeyDetails ?? {}
  if (algorithm === 'ES256' && namedCurve !== 'prime256v1') throw notKey('its curve is not P-256')
  if (algorithm === 'EdDSA' && key.asymmetricKeyType !== 'ed25519') throw notKey('its curve is not Ed25519')
  return { algorithm, kid, key }
}

function parseJwk(text: string): JsonWebKey | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'kty' in value ? (value as JsonWebKey) : undefined
  } catch {
    return undefined
  }
}

function importKey(jwk: JsonWebKey): KeyObject {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' })
  } catch {
    throw notKey('its members make no key')
  }
}

function notKey(why: string): CommandFailure {
  return usageFailure(
    `the key file does not hold a private key that can be used: ${why}`,
    'It holds what "countersign clients create --generate-key" wrote, or another private JWK (P-256, Ed25519 or RSA).',
  )
}

/**
 * A client assertion for one use within a minute (RFC 7523 §3), whose sole audience is the issuer.
 *
 * @throws CommandFailure `invalid_usage` when nothing can be signed with the key
 */
export function signAssertion(
  { algorithm, kid, key }: SigningKey,
  { clientId, issuer, now }: { clientId: string; issuer: string; now: Date },
): string {
  const header = { alg: algorithm, typ: 'JWT', ...(kid === undefined ? {} : { kid }) }
  const exp = Math.floor(now.getTime() / 1000) + lifetimeSeconds
  const claims = { iss: clientId, sub: clientId, aud: issuer, exp, jti: randomUUID() }
  const input = [header, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${signatureOf(input, algorithm, key)}`
}

// An RSA key that is too short, for one.
function signatureOf(input: string, algorithm: AssertionAlgorithm, key: KeyObject): string {
  const { digest, options } = signatures[algorithm]
  try {
    return sign(digest, Buffer.from(input), { key, ...options }).toString('base64url')
  } catch {
    throw notKey('it does not sign')
  }
}

interface Signature {
  digest: 'sha256' | null
  options: Omit<SignKeyObjectInput, 'key'>
}

const signatures: Readonly<Record<AssertionAlgorithm, Signature>> = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  RS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  // RFC 7518 §3.5: the salt is as long as the digest.
  PS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  EdDSA: { digest: null, options: {} },
}
