import type { JwsAlgorithm } from './public-key.ts'
import { publicationLeadSeconds } from './signing-key-times.ts'
import type { VerificationKey } from './verify-signature.ts'

/** A public key as the JWKS publishes it (RFC 7517 §4): its members, and always `kid`, `alg` and `use`. */
export type PublicJwk = Readonly<Record<string, string>> & {
  readonly kty: string
  readonly kid: string
  readonly alg: JwsAlgorithm
  readonly use: 'sig'
}

/** `standby`: published, not signing yet. `active`: signing. `retiring`: its last tokens still live. */
export type SigningKeyState = 'standby' | 'active' | 'retiring' | 'revoked'

/** One key of the ring. Times are epoch seconds. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: JwsAlgorithm
  readonly publicJwk: PublicJwk
  /** The KMS key that signs, or that wraps the private key. */
  readonly kmsKeyArn: string
  /** Custody `envelope`: the private key, encrypted by KMS; undefined = custody `kms`. */
  readonly wrappedPrivateKey: Uint8Array | undefined
  readonly state: SigningKeyState
  /** Since when it is published. */
  readonly createdAt: number
  /** The first second in which it may sign; undefined = not decided yet, as a standby key. */
  readonly signFrom: number | undefined
  /** The second from which no token of this key is accepted any more; undefined = not set yet. */
  readonly verifyUntil: number | undefined
}

export const custodies = ['kms', 'envelope'] as const

/** Where the private key is: in KMS, which signs; or wrapped by KMS, unwrapped once by each execution environment. */
export type Custody = (typeof custodies)[number]

export function custodyOf({ wrappedPrivateKey }: Pick<SigningKey, 'wrappedPrivateKey'>): Custody {
  return wrappedPrivateKey === undefined ? 'kms' : 'envelope'
}

export function verificationKey({ algorithm, publicJwk }: SigningKey): VerificationKey {
  return { algorithm, jwk: publicJwk }
}

/** What a key identifier may look like, checked before any look-up (RFC 7515 §4.1.4 leaves it open). */
export function isKeyId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text)
}

/**
 * The keys to sign with now, the first that can be used: the active one with the latest start, then the standby ones
 * that every verifier has had the time to learn of, for when the active one fails. Deterministic whatever the order of
 * the ring.
 */
export function signingCandidates(ring: readonly SigningKey[], nowSeconds: number): readonly SigningKey[] {
  const [current] = ring
    .filter(key => key.state === 'active' && (key.signFrom ?? Number.POSITIVE_INFINITY) <= nowSeconds)
    .filter(key => isTrusted(key, nowSeconds))
    .sort((a, b) => (b.signFrom ?? 0) - (a.signFrom ?? 0) || byIdentifier(a, b))
  if (current === undefined) return []
  return [current, ...standbyKeys(ring).filter(key => isPublishedLongEnough(key, nowSeconds))]
}

/** The key that signs now. */
export function currentSigningKey(ring: readonly SigningKey[], nowSeconds: number): SigningKey | undefined {
  return signingCandidates(ring, nowSeconds)[0]
}

/** The keys that wait to sign, the one that was published first before the others. */
export function standbyKeys(ring: readonly SigningKey[]): readonly SigningKey[] {
  return ring
    .filter(key => key.state === 'standby')
    .sort((a, b) => a.createdAt - b.createdAt || byIdentifier(a, b))
}

/** Whether every verifier that keeps the JWKS for its `max-age` has had the time to learn of a key. */
export function isPublishedLongEnough(key: SigningKey, nowSeconds: number): boolean {
  return key.createdAt + publicationLeadSeconds <= nowSeconds
}

function byIdentifier(a: SigningKey, b: SigningKey): number {
  return a.kid < b.kid ? -1 : 1
}

/** Whether tokens of this key are accepted: a key has an end of its own, not only an absence from the JWKS. */
export function isTrusted(key: SigningKey, nowSeconds: number): boolean {
  return key.state !== 'revoked' && (key.verifyUntil === undefined || nowSeconds < key.verifyUntil)
}

/** What the JWKS publishes (RFC 7517 §5): every key that is trusted, the standby one included. */
export function publishedKeys(ring: readonly SigningKey[], nowSeconds: number): readonly PublicJwk[] {
  return ring.filter(key => isTrusted(key, nowSeconds)).map(key => key.publicJwk)
}
