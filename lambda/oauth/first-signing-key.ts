import type { PublicJwk, SigningKey } from './signing-key.ts'

export interface KeyRingPorts {
  /** Whether the ring has no key at all; one that cannot be read counts as one. */
  readonly isRingEmpty: () => Promise<boolean>
  readonly createKey: () => Promise<{ kmsKeyArn: string; publicJwk: PublicJwk }>
  readonly putKey: (key: SigningKey) => Promise<void>
}

/**
 * Makes the ring's first key, at once active: nobody has cached a JWKS without it yet. A ring that has a key stays as
 * it is, so that a deployment repeated, updated or rolled back never makes a second first key.
 *
 * @returns the new key, or undefined when there was one
 */
export async function createFirstSigningKey(
  { isRingEmpty, createKey, putKey }: KeyRingPorts,
  nowSeconds: number,
): Promise<SigningKey | undefined> {
  if (!(await isRingEmpty())) return undefined
  const { kmsKeyArn, publicJwk } = await createKey()
  const key: SigningKey = {
    kid: publicJwk.kid,
    algorithm: publicJwk.alg,
    publicJwk,
    kmsKeyArn,
    state: 'active',
    createdAt: nowSeconds,
    signFrom: nowSeconds,
    verifyUntil: undefined,
  }
  await putKey(key)
  return key
}
