import { maxAccessTokenLength } from './access-token.ts'
import { isLowS } from './ecdsa-signature.ts'
import { type JwsAlgorithm, jwsAlgorithms } from './public-key.ts'
import { isKeyId } from './signing-key.ts'

/** A token that has the one accepted spelling. Nothing in it is verified yet. */
export interface UnverifiedToken {
  readonly token: string
  readonly kid: string
  readonly algorithm: JwsAlgorithm
  readonly claims: Readonly<Record<string, unknown>>
}

export type GateRefusal =
  | 'token_too_long'
  | 'token_malformed'
  | 'token_not_canonical'
  | 'token_header_refused'
  | 'token_signature_malformed'

/** Of 64 octets: ECDSA with P-256 and Ed25519. */
const curveSignatureLength = 86

/**
 * The strict gate in front of any cryptography: one accepted spelling per token. Three non-empty base64url segments in
 * canonical form (RFC 7515 §2, RFC 4648 §3.5), JSON objects exactly as `JSON.stringify` writes them (so no repeated
 * member, no white space, no odd escape, no number beyond a double, valid UTF-8), a header of exactly `alg`, `typ` and
 * `kid` (RFC 9068 §2.1; no `crit`, `b64`, `jwk`, `x5c`, `zip`), and a signature of the algorithm's length, with low S where it
 * is ECDSA.
 */
export function parseUnverifiedToken(token: string): UnverifiedToken | GateRefusal {
  if (token.length > maxAccessTokenLength) return 'token_too_long'
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second <= first + 1 || token.indexOf('.', second + 1) >= 0) return 'token_malformed'
  const header = parseCanonicalObject(token.slice(0, first))
  if (header === undefined) return 'token_not_canonical'
  if (!isAccessTokenHeader(header)) return 'token_header_refused'
  const claims = parseCanonicalObject(token.slice(first + 1, second))
  if (claims === undefined) return 'token_not_canonical'
  if (!isCanonicalSignature(token.slice(second + 1), header.alg)) return 'token_signature_malformed'
  return { token, kid: header.kid, algorithm: header.alg, claims }
}

function parseCanonicalObject(segment: string): Record<string, unknown> | undefined {
  const text = Buffer.from(segment, 'base64url').toString('utf8')
  if (Buffer.from(text).toString('base64url') !== segment) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  // JSON.stringify writes `\ud…` only for a lone surrogate.
  if (JSON.stringify(value) !== text || text.includes('\\ud')) return undefined
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Record<string, unknown>) : undefined
}

interface AccessTokenHeader {
  readonly alg: JwsAlgorithm
  readonly kid: string
}

function isAccessTokenHeader(header: object): header is AccessTokenHeader {
  const { alg, typ, kid, ...others } = header as Record<string, unknown>
  return (
    jwsAlgorithms.some(known => known === alg) &&
    typeof typ === 'string' &&
    /^(application\/)?at\+jwt$/i.test(typ) &&
    typeof kid === 'string' &&
    isKeyId(kid) &&
    Object.keys(others).length === 0
  )
}

function isCanonicalSignature(segment: string, algorithm: JwsAlgorithm): boolean {
  const isRsa = algorithm === 'RS256' || algorithm === 'PS256'
  // The length of an RSA signature is that of the key's modulus, which the verification insists on.
  if (isRsa ? segment.length <= curveSignatureLength : segment.length !== curveSignatureLength) return false
  const signature = Buffer.from(segment, 'base64url')
  if (signature.toString('base64url') !== segment) return false
  return algorithm !== 'ES256' || isLowS(signature.subarray(32))
}
