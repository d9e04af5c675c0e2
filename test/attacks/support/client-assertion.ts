import { constants, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { SignJWT } from 'jose'
import type { JwsAlgorithm } from '../../../lambda/oauth/public-key.ts'
import type { Json } from '../../flow/local-stack.ts'

export const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A key of a client, made now. */
export interface AssertionKey {
  readonly algorithm: JwsAlgorithm
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** What is registered: the public members and `kid`. */
  readonly jwk: Json
}

export function assertionKey(algorithm: JwsAlgorithm = 'ES256', kid = 'key-1'): AssertionKey {
  const { privateKey, publicKey } = generatePair(algorithm)
  const alg = algorithm === 'PS256' ? { alg: algorithm } : {}
  return {
    algorithm,
    kid,
    privateKey,
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, ...alg },
  }
}

function generatePair(algorithm: JwsAlgorithm) {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

/** The claims of an honest assertion (RFC 7523 §3), each with an identifier of its own; a change to undefined leaves one out. */
export function assertionClaims(clientId: string, issuer: string, changes: Json = {}): Json {
  const now = Math.floor(Date.now() / 1000)
  return { iss: clientId, sub: clientId, aud: issuer, exp: now + 60, iat: now, jti: randomUUID(), ...changes }
}

/** An assertion as an honest client makes it, with jose. */
export function joseAssertion(key: AssertionKey, claims: Json, header: Json = {}): Promise<string> {
  const protectedHeader = { alg: key.algorithm, kid: key.kid, ...header }
  return new SignJWT(claims).setProtectedHeader(protectedHeader).sign(key.privateKey)
}

/** An assertion with whatever header and claims, signed all the same by the client's key. */
export function craftedAssertion(key: AssertionKey, claims: Json, header: Json = {}): string {
  return signTexts(
    key,
    JSON.stringify({ alg: key.algorithm, kid: key.kid, ...header }),
    JSON.stringify(claims),
  )
}

/** As `craftedAssertion`, of texts that need not be JSON. */
export function signTexts(key: AssertionKey, header: string | Buffer, payload: string | Buffer): string {
  return signSegments(key, encode(header), encode(payload))
}

/** As `signTexts`, of segments that need not be base64url. */
export function signSegments(key: AssertionKey, header: string, payload: string): string {
  const input = `${header}.${payload}`
  return `${input}.${encode(signatureOf(key, input))}`
}

/** A JWS signature (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1). */
export function signatureOf({ algorithm, privateKey }: AssertionKey, input: string): Buffer {
  const octets = Buffer.from(input)
  if (algorithm === 'EdDSA') return sign(null, octets, privateKey)
  if (algorithm === 'ES256') return sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const padding = algorithm === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  return sign('sha256', octets, { key: privateKey, padding, saltLength: 32 })
}

/** The assertion with another signature over the same text. */
export function withSignature(assertion: string, signature: Buffer | string): string {
  const input = assertion.slice(0, assertion.lastIndexOf('.'))
  return `${input}.${typeof signature === 'string' ? signature : encode(signature)}`
}

export function encode(octets: string | Buffer): string {
  return Buffer.from(octets).toString('base64url')
}

/** The three segments of an assertion. */
export function segmentsOf(assertion: string): [header: string, payload: string, signature: string] {
  const [header = '', payload = '', signature = ''] = assertion.split('.')
  return [header, payload, signature]
}
