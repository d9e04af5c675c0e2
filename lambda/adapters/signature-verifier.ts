import { JwtVerifier } from 'aws-jwt-verify'
import type { JwksCache } from 'aws-jwt-verify/jwk'
import { clockSkewSeconds } from '../oauth/check-claims.ts'
import { type SigningKey, verificationKey } from '../oauth/signing-key.ts'
import { verifySignature } from '../oauth/verify-signature.ts'

/**
 * Verifies signatures with aws-jwt-verify, which checks issuer, audience and times once more. The key is ours to
 * choose: the library is given a cache that holds the ring's keys and never fetches. PS256 it does not know.
 *
 * @param audience undefined = any
 */
export function signatureVerifier(issuer: string, audience: string | undefined) {
  const keys = new Map<string, SigningKey>()
  const jwksCache = ringCache(keys)
  const properties = { issuer, audience: audience ?? null, graceSeconds: clockSkewSeconds }
  const verifier = JwtVerifier.create(properties, { jwksCache })
  return (token: string, key: SigningKey): boolean => {
    if (key.algorithm === 'PS256') return verifyPs256(token, key)
    keys.set(key.kid, key)
    try {
      verifier.verifySync(token)
      return true
    } catch {
      // Its messages quote claims: they go nowhere.
      return false
    }
  }
}

function verifyPs256(token: string, key: SigningKey): boolean {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  return verifySignature(token.slice(0, end), signature, verificationKey(key))
}

function ringCache(keys: ReadonlyMap<string, SigningKey>): JwksCache {
  const neverFetches = (): never => {
    throw new Error('keys come from the ring')
  }
  return {
    getCachedJwk(_jwksUri, { header }) {
      const key = keys.get(String(header.kid))
      if (key === undefined) return neverFetches()
      return { ...key.publicJwk }
    },
    getJwk: neverFetches,
    getJwks: neverFetches,
    addJwks: neverFetches,
  }
}
