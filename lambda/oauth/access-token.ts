import type { AccessTokenClaims } from './access-token-claims.ts'
import { OAuthError } from './oauth-error.ts'
import type { SigningKey } from './signing-key.ts'
import { Unavailable } from './unavailable.ts'

/**
 * The longest token that is made or looked at, in characters: the gateway allows 10,240 bytes for the request line and
 * all headers together.
 */
export const maxAccessTokenLength = 8192

/**
 * Signs the ASCII signing input and returns the JWS signature (64 octets R || S with low S for ES256). It has been
 * verified with the key's public part, or the key has when it was loaded.
 *
 * @throws SignatureSelfCheckError, SigningKeyUnusable, Unavailable
 */
export type Sign = (signingInput: string, key: SigningKey) => Promise<Uint8Array>

/** A signature that its own public key does not verify: never released. */
export class SignatureSelfCheckError extends Error {
  override readonly name = 'SignatureSelfCheckError'
}

/** A key that exists and cannot sign: disabled, or about to be deleted. Another one may. */
export class SigningKeyUnusable extends Error {
  override readonly name = 'SigningKeyUnusable'
}

/** The one header of our tokens, in the one spelling (RFC 9068 §2.1). */
export function accessTokenHeader(key: Pick<SigningKey, 'algorithm' | 'kid'>): string {
  return JSON.stringify({ alg: key.algorithm, typ: 'at+jwt', kid: key.kid })
}

/**
 * Makes the compact serialisation (RFC 7515 §7.1) of a signed access token, with the first of the keys that can be used.
 *
 * @throws OAuthError
 */
export async function signAccessToken(
  claims: AccessTokenClaims,
  keys: readonly SigningKey[],
  sign: Sign,
): Promise<string> {
  const payload = encode(JSON.stringify(claims))
  let unusable: unknown
  for (const key of keys) {
    const signingInput = `${encode(accessTokenHeader(key))}.${payload}`
    try {
      const signature = await sign(signingInput, key)
      return `${signingInput}.${Buffer.from(signature).toString('base64url')}`
    } catch (cause) {
      if (!(cause instanceof SigningKeyUnusable)) throw signingError(cause)
      unusable = cause
    }
  }
  throw new OAuthError('signing_unavailable', { cause: unusable })
}

function signingError(cause: unknown): unknown {
  if (cause instanceof SignatureSelfCheckError) return new OAuthError('signature_invalid', { cause })
  return cause instanceof Unavailable ? new OAuthError('signing_unavailable', { cause }) : cause
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}
