import { JwtVerifier } from 'aws-jwt-verify'
import type { JwksCache } from 'aws-jwt-verify/jwk'
import { clockSkewSeconds } from '../oauth/check-claims.ts'
import type { SigningKey } from '../oauth/signing-key.ts'

/**
 * Verifies signatures with aws-jwt-verify, which checks issuer, audience and times once more. The key is ours to
 * choose: the library is given a cache that holds the ring's keys and never fetches.
 *
 * @param audience undefined = any
 */
export function signatureVerifier(issuer: string, audience: string | undefined) {
  const keys = new Map<string, SigningKey>()
  const jwksCache = ringCache(keys)
  const properties = { issuer, audience: audience ?? null, graceSeconds: clockSkewSeconds }
  const verifier = JwtVerifier.create(properties, { jwksCache })
  return (token: string, key: SigningKey): boolean => {
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
