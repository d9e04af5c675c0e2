import { signatureVerifier } from '../../lambda/adapters/signature-verifier.ts'
import type { SigningKey } from '../../lambda/oauth/signing-key.ts'

/**
 * The signature verifier of production at another time: its library reads the system's clock. That is turned for the
 * one call, which does not wait for anything, so that nobody else sees it.
 *
 * @param now epoch milliseconds
 */
export function signatureVerifierAt(now: () => number, issuer: string, audience: string | undefined) {
  const verify = signatureVerifier(issuer, audience)
  return (token: string, key: SigningKey): boolean => {
    const systemClock = Date.now
    Date.now = now
    try {
      return verify(token, key)
    } finally {
      Date.now = systemClock
    }
  }
}
