/** The signature algorithms of access tokens (RFC 7518 §3.1). */
export type SigningAlgorithm = 'ES256'

/** A public key as the JWKS publishes it (RFC 7517 §4): `alg`, `use` and `kid` are always there. */
export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly use: 'sig'
}

/** `standby`: published, not signing yet. `active`: signing. `retiring`: its last tokens still live. */
export type SigningKeyState = 'standby' | 'active' | 'retiring' | 'revoked'

/** One key of the ring. Times are epoch seconds. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: PublicJwk
  readonly kmsKeyArn: string
  readonly state: SigningKeyState
  readonly createdAt: number
  /** The first second in which it may sign. */
  readonly signFrom: number
  /** The second from which no token of this key is accepted any more; undefined = not set yet. */
  readonly verifyUntil: number | undefined
}

/** What a key identifier may look like, checked before any look-up (RFC 7515 §4.1.4 leaves it open). */
export function isKeyId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text)
}

/** The key that signs now: the active one with the latest start. Deterministic whatever the order of the ring. */
export function currentSigningKey(ring: readonly SigningKey[], nowSeconds: number): SigningKey | undefined {
  return ring
    .filter(key => key.state === 'active' && key.signFrom <= nowSeconds && isTrusted(key, nowSeconds))
    .sort((a, b) => b.signFrom - a.signFrom || (a.kid < b.kid ? -1 : 1))[0]
}

/** Whether tokens of this key are accepted: a key has an end of its own, not only an absence from the JWKS. */
export function isTrusted(key: SigningKey, nowSeconds: number): boolean {
  return key.state !== 'revoked' && (key.verifyUntil === undefined || nowSeconds < key.verifyUntil)
}

/** What the JWKS publishes (RFC 7517 §5): every key that is trusted, the standby one included. */
export function publishedKeys(ring: readonly SigningKey[], nowSeconds: number): readonly PublicJwk[] {
  return ring.filter(key => isTrusted(key, nowSeconds)).map(key => key.publicJwk)
}
