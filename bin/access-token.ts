import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { usageFailure } from './failure.ts'

export interface DecodedToken {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** What the signature covers. */
  signed: string
  signature: Buffer
}

/**
 * Splits a JWS in compact serialisation (RFC 7515 §7.1) without believing anything in it.
 *
 * @throws CommandFailure `invalid_usage`, which never repeats the token
 */
export function decodeToken(token: string): DecodedToken {
  const parts = token.split('.')
  const [header, claims, signature] = parts
  if (parts.length !== 3 || header === undefined || claims === undefined || signature === undefined)
    throw notToken('it does not have three parts')
  return {
    header: decodeObject(header, 'header'),
    claims: decodeObject(claims, 'claims'),
    signed: `${header}.${claims}`,
    signature: decodeBase64Url(signature, 'signature'),
  }
}

function decodeObject(text: string, part: string): Record<string, unknown> {
  try {
    const bytes = decodeBase64Url(text, part)
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw notToken(`its ${part} is not base64url-encoded JSON`)
}

// Another spelling of the same bytes is another token to the authorizer, which refuses it.
function decodeBase64Url(text: string, part: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw notToken(`its ${part} is not canonical base64url`)
  return bytes
}

function notToken(why: string) {
  return usageFailure(
    `this is not an access token: ${why}`,
    'A token has the form xxxx.yyyy.zzzz; - reads it from standard input.',
  )
}

/** What a check of the signature against a JWKS found, and why. */
export interface SignatureFinding {
  signature: 'valid' | 'invalid'
  reason: string
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Verifies the signature with the one key of the set (RFC 7517 §5) that the header names. */
export function verifySignature(token: DecodedToken, keys: readonly JsonWebKey[]): SignatureFinding {
  const { alg, kid } = token.header
  const jwk = keys.find(key => typeof kid === 'string' && key.kid === kid)
  if (!jwk) return { signature: 'invalid', reason: 'the server publishes no key with its kid' }
  if (typeof alg !== 'string' || (jwk.alg !== undefined && jwk.alg !== alg))
    return { signature: 'invalid', reason: "its alg is not the key's" }
  const check = verifiers[alg]
  if (!check) return { signature: 'invalid', reason: 'its alg is none that the server signs with' }
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if (!check(Buffer.from(token.signed), key, token.signature))
      return { signature: 'invalid', reason: 'the signature is wrong' }
  } catch {
    return { signature: 'invalid', reason: 'the published key and its alg do not fit' }
  }
  if (alg === 'ES256' && BigInt(`0x${token.signature.subarray(32).toString('hex')}`) > order / 2n)
    return { signature: 'invalid', reason: 'not the spelling that was issued (high S), which is refused' }
  return { signature: 'valid', reason: `signed by the published key ${kid}` }
}

type Verifier = (data: Buffer, key: KeyObject, signature: Buffer) => boolean

// The key's type belongs to the algorithm: RFC 8725 §3.1.
const verifiers: Record<string, Verifier | undefined> = {
  ES256: (data, key, signature) =>
    key.asymmetricKeyDetails?.namedCurve === 'prime256v1' &&
    verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature),
  RS256: (data, key, signature) => key.asymmetricKeyType === 'rsa' && verify('sha256', data, key, signature),
  PS256: (data, key, signature) =>
    key.asymmetricKeyType === 'rsa' &&
    verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature),
  EdDSA: (data, key, signature) => key.asymmetricKeyType === 'ed25519' && verify(null, data, key, signature),
}
