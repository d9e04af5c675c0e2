import type { ReadVectors } from './vector-folder.ts'

export type Jwk = Readonly<Record<string, unknown>>

export interface SignatureCase {
  readonly tcId: number
  readonly comment: string
  readonly jws: string
  readonly result: 'valid' | 'invalid'
}

/** Cases of one key. Symmetric groups have no public key. */
export interface SignatureGroup {
  readonly comment: string
  readonly public?: Jwk
  readonly private: Jwk
  readonly tests: readonly SignatureCase[]
}

export interface EncryptionGroup {
  readonly comment: string
  readonly private: Jwk
  readonly tests: readonly { readonly tcId: number; readonly comment: string; readonly jwe: string }[]
}

export function signatureGroups(read: ReadVectors): readonly SignatureGroup[] {
  const file = 'wycheproof/testvectors_v1/json_web_signature_test.json'
  return read<{ testGroups: SignatureGroup[] }>(file).testGroups
}

export function encryptionGroups(read: ReadVectors): readonly EncryptionGroup[] {
  const file = 'wycheproof/testvectors_v1/json_web_encryption_test.json'
  return read<{ testGroups: EncryptionGroup[] }>(file).testGroups
}

/**
 * The eight signature cases whose label cannot be what decides, each with what is wrong with it. They are run like the
 * others; what is expected of them is that they are refused, and for the reason that is there, not for the label.
 */
export const defectiveCases: ReadonlyMap<number, string> = new Map([
  [346, 'labelled valid, but the header says PS384 and the key PS256'],
  [347, 'labelled valid, but the key is for "ES521", an algorithm that is not registered'],
  [350, 'labelled valid, but the header says PS384 and the key PS256'],
  [351, 'labelled valid, but the key is for "ES521", an algorithm that is not registered'],
  [367, 'labelled invalid, but byte-identical to case 357, which is labelled valid'],
  [370, 'labelled invalid, but byte-identical to case 357, which is labelled valid'],
  [372, 'labelled valid, but with a literal "?" inside the header’s base64url'],
  [373, 'labelled valid, but with a literal "?" inside the payload’s base64url'],
])
