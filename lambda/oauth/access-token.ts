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
 * Signs the ASCII signing input and returns the JWS signature (64 octets R || S with low S for ES256), verified with
 * the key's public part.
 *
 * @throws SignatureSelfCheckError, Unavailable
 */
export type Sign = (signingInput: string, key: SigningKey) => Promise<Uint8Array>

/** A signature that its own public key does not verify: never released. */
export class SignatureSelfCheckError extends Error {
  override readonly name = 'SignatureSelfCheckError'
}

/** The one header of our tokens, in the one spelling (RFC 9068 §2.1). */
export function accessTokenHeader(key: Pick<SigningKey, 'algorithm' | 'kid'>): string {
  return JSON.stringify({ alg: key.algorithm, typ: 'at+jwt', kid: key.kid })
}

/** Makes the compact serialisation (RFC 7515 §7.1) of a signed access token. */
export async function signAccessToken(
  claims: AccessTokenClaims,
  key: SigningKey,
  sign: Sign,
): Promise<string> {
  const signingInput = `${encode(accessTokenHeader(key))}.${encode(JSON.stringify(claims))}`
  try {
    const signature = await sign(signingInput, key)
    return `${signingInput}.${Buffer.from(signature).toString('base64url')}`
  } catch (cause) {
    if (cause instanceof SignatureSelfCheckError) throw new OAuthError('signature_invalid', { cause })
    if (cause instanceof Unavailable) throw new OAuthError('signing_unavailable', { cause })
    throw cause
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}
