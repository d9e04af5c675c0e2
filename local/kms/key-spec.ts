import { generateKeyPair, type KeyObject, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningAlgorithm } from './signing-algorithm.ts'

const generate = promisify(generateKeyPair)

const rsaAlgorithms = [
  'RSASSA_PKCS1_V1_5_SHA_256',
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
] as const satisfies SigningAlgorithm[]

/** Asymmetric key specs, each with what may be asked of such a key and how one is made. */
const pairs = {
  ECC_NIST_P256: { signingAlgorithms: ['ECDSA_SHA_256'], make: () => generateEc('P-256') },
  ECC_NIST_P384: { signingAlgorithms: ['ECDSA_SHA_384'], make: () => generateEc('P-384') },
  ECC_NIST_P521: { signingAlgorithms: ['ECDSA_SHA_512'], make: () => generateEc('P-521') },
  ECC_NIST_EDWARDS25519: {
    signingAlgorithms: ['ED25519_SHA_512'],
    make: async () => (await generate('ed25519')).privateKey,
  },
  RSA_2048: { signingAlgorithms: rsaAlgorithms, make: () => generateRsa(2048) },
  RSA_3072: { signingAlgorithms: rsaAlgorithms, make: () => generateRsa(3072) },
  RSA_4096: { signingAlgorithms: rsaAlgorithms, make: () => generateRsa(4096) },
} as const satisfies Record<
  string,
  { signingAlgorithms: readonly SigningAlgorithm[]; make: () => Promise<KeyObject> }
>

export type KeyPairSpec = keyof typeof pairs
export type KeySpec = KeyPairSpec | 'SYMMETRIC_DEFAULT'

export const keyPairSpecs = Object.keys(pairs) as KeyPairSpec[]
export const keySpecs: readonly KeySpec[] = [...keyPairSpecs, 'SYMMETRIC_DEFAULT']

/** The signing algorithms that KMS offers for a key of this spec; none for a symmetric key. */
export function signingAlgorithmsOf(spec: KeySpec): readonly SigningAlgorithm[] {
  return spec === 'SYMMETRIC_DEFAULT' ? [] : pairs[spec].signingAlgorithms
}

export function makePrivateKey(spec: KeyPairSpec): Promise<KeyObject> {
  return pairs[spec].make()
}

/** The material of a SYMMETRIC_DEFAULT key: 256 bits for AES-GCM. */
export function makeSymmetricKey(): Buffer {
  return randomBytes(32)
}

async function generateEc(namedCurve: string): Promise<KeyObject> {
  return (await generate('ec', { namedCurve })).privateKey
}

async function generateRsa(modulusLength: number): Promise<KeyObject> {
  return (await generate('rsa', { modulusLength })).privateKey
}
