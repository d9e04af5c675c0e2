import type { JwsAlgorithm } from './public-key.ts'

/** The tag that ties a key to its ring; permissions on keys are conditional on it. */
export const ringTag = 'countersign:ring'

/** The longest that KMS waits before it destroys a key, in days: until then the deletion can be cancelled. */
export const deletionDays = 30

/** What a wrapped private key is bound to: it unwraps for its own ring alone. */
export function ringContext(ring: string): Record<string, string> {
  return { [ringTag]: ring }
}

/** The key spec for each algorithm. RSA with 2048 bits is the cheapest signature of KMS, and the one every verifier takes. */
export const keySpecs = {
  ES256: 'ECC_NIST_P256',
  RS256: 'RSA_2048',
  PS256: 'RSA_2048',
  EdDSA: 'ECC_NIST_EDWARDS25519',
} as const satisfies Record<JwsAlgorithm, string>

/** What KMS calls the algorithms. PSS has a salt as long as the digest there (RFC 7518 §3.5 wants that). */
export const signingAlgorithms = {
  ES256: 'ECDSA_SHA_256',
  RS256: 'RSASSA_PKCS1_V1_5_SHA_256',
  PS256: 'RSASSA_PSS_SHA_256',
  EdDSA: 'ED25519_SHA_512',
} as const satisfies Record<JwsAlgorithm, string>

/** Names of errors. Text: minifying renames the SDK's classes. */
export const keyIsGone = 'NotFoundException'
export const keyIsDisabled = 'DisabledException'
/** Also what KMS says of a key that is to be deleted, where it is disabled for that. */
export const toBeDeleted = 'KMSInvalidStateException'

/** Whether KMS uses no key in this state (`KeyState` of DescribeKey) until somebody acts. */
export function isUnusable(state: string | undefined): boolean {
  return state !== undefined && ['Disabled', 'PendingDeletion', 'Unavailable'].includes(state)
}
