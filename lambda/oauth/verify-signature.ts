import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { joseToDer } from './ecdsa-signature.ts'
import type { JwsAlgorithm, PublicMembers } from './public-key.ts'

/** A public key bound to the one algorithm that it is for (RFC 8725 §3.1). */
export interface VerificationKey {
  readonly algorithm: JwsAlgorithm
  readonly jwk: PublicMembers
}

/** Whether a signature is this key's, by the algorithm of the key and no other. Never throws. */
export function verifySignature(
  signingInput: string,
  signature: Uint8Array,
  { algorithm, jwk }: VerificationKey,
): boolean {
  try {
    return verifications[algorithm](Buffer.from(signingInput), signature, keyObjectOf(jwk))
  } catch {
    // A signature of another length than the algorithm's.
    return false
  }
}

type Verify = (input: Buffer, signature: Uint8Array, key: KeyObject) => boolean

const verifications: Readonly<Record<JwsAlgorithm, Verify>> = {
  // DER and a bare key: faster than `dsaEncoding` on current Node.
  ES256: (input, signature, key) =>
    signature.length === 64 && verify('sha256', input, key, joseToDer(signature)),
  RS256: (input, signature, key) =>
    verify('sha256', input, { key, padding: constants.RSA_PKCS1_PADDING }, signature),
  // RFC 7518 §3.5: the salt is as long as the digest. Node takes a signature without its leading zeros, too: RFC 8017
  // §8.1.2 has it exactly as long as the modulus.
  PS256: (input, signature, key) =>
    signature.length * 8 === key.asymmetricKeyDetails?.modulusLength &&
    verify('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature),
  EdDSA: (input, signature, key) => verify(null, input, key, signature),
}

const keyObjects = new WeakMap<PublicMembers, KeyObject>()

function keyObjectOf(jwk: PublicMembers): KeyObject {
  let object = keyObjects.get(jwk)
  if (object === undefined) {
    object = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    keyObjects.set(jwk, object)
  }
  return object
}
