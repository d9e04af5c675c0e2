import { parseClientJwks } from '../../lambda/oauth/client-keys.ts'
import { parseJws } from '../../lambda/oauth/jws.ts'
import { verifySignature } from '../../lambda/oauth/verify-signature.ts'
import type { Jwk } from './wycheproof.ts'

/** The segments of a compact serialisation as the parser of assertions reads them, whatever the payload is. */
export interface Segments {
  readonly header: Readonly<Record<string, unknown>>
  readonly signingInput: string
  readonly signature: Uint8Array
}

/** An empty JSON object, in base64url. */
const emptyObject = 'e30'

/**
 * Splits a compact serialisation. The payload of most vectors is no JSON object, as an assertion's must be: each segment
 * is put where the parser takes one of its kind, a payload that is not empty into a signature's place.
 */
export function readSegments(text: string): Segments | undefined {
  const [header = '', payload = '', signature = '', ...others] = text.split('.')
  const jws = others.length === 0 ? parseJws(`${header}.${emptyObject}.${signature}`) : undefined
  const isPayload = payload === '' || parseJws(`${emptyObject}.${emptyObject}.${payload}`) !== undefined
  if (jws === undefined || !isPayload) return undefined
  return { header: jws.header, signingInput: `${header}.${payload}`, signature: jws.signature }
}

/** The key in the form in which it would be registered: its public members, under no `kid`. */
export function registeredKey(jwk: Jwk) {
  const { kid, ...others } = jwk
  const keys = parseClientJwks({ keys: [others] }, undefined)
  return typeof keys === 'string' ? undefined : keys[0]
}

export type Verdict = 'verified' | 'key refused' | 'malformed' | 'algorithm refused' | 'signature refused'

/**
 * What client authentication makes of a JWS with a key that a client would have registered: strict segments, the key's
 * algorithm and no other, and the signature.
 */
export function verdictOf(text: string, jwk: Jwk): Verdict {
  const segments = readSegments(text)
  if (segments === undefined) return 'malformed'
  const key = registeredKey(jwk)
  if (key === undefined) return 'key refused'
  if (segments.header.alg !== key.algorithm) return 'algorithm refused'
  return verifySignature(segments.signingInput, segments.signature, key) ? 'verified' : 'signature refused'
}
