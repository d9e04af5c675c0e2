import { constants, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { digestLengths, type HashName } from './digest.ts'
import { signDigestWithEcdsa, verifyDigestWithEcdsa } from './ecdsa-digest.ts'
import { KmsError } from './kms-error.ts'
import {
  signDigestWithPkcs1,
  signDigestWithPss,
  verifyDigestWithPkcs1,
  verifyDigestWithPss,
} from './rsa-digest.ts'

export const signingAlgorithms = [
  'ECDSA_SHA_256',
  'ECDSA_SHA_384',
  'ECDSA_SHA_512',
  'ED25519_SHA_512',
  'RSASSA_PKCS1_V1_5_SHA_256',
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
] as const

export type SigningAlgorithm = (typeof signingAlgorithms)[number]
export const messageTypes = ['RAW', 'DIGEST'] as const
export type MessageType = (typeof messageTypes)[number]

/**
 * Signs a message, or the digest of one, as `kms:Sign` does: ECDSA signatures in DER, RSASSA-PSS with a
 * salt as long as its hash.
 *
 * @throws KmsError ValidationException for a digest of another length, and for a digest under ED25519_SHA_512
 */
export function signMessage(
  algorithm: SigningAlgorithm,
  messageType: MessageType,
  message: Buffer,
  privateKey: KeyObject,
): Buffer {
  if (messageType === 'RAW') return sign(rawHash(algorithm), message, keyWithOptions(algorithm, privateKey))
  const hash = checkDigest(algorithm, message)
  if (algorithm.startsWith('ECDSA')) return signDigestWithEcdsa(message, privateKey)
  if (algorithm.startsWith('RSASSA_PSS')) return signDigestWithPss(hash, message, privateKey)
  return signDigestWithPkcs1(hash, message, privateKey)
}

/** Whether the signature is one that `signMessage` makes for these values with this key. */
export function verifyMessage(
  algorithm: SigningAlgorithm,
  messageType: MessageType,
  message: Buffer,
  privateKey: KeyObject,
  signature: Buffer,
): boolean {
  const publicKey = createPublicKey(privateKey)
  if (messageType === 'RAW') {
    return verify(rawHash(algorithm), message, keyWithOptions(algorithm, publicKey), signature)
  }
  const hash = checkDigest(algorithm, message)
  if (algorithm.startsWith('ECDSA')) return verifyDigestWithEcdsa(message, publicKey, signature)
  if (algorithm.startsWith('RSASSA_PSS')) return verifyDigestWithPss(hash, message, publicKey, signature)
  return verifyDigestWithPkcs1(hash, message, publicKey, signature)
}

/** Ed25519 hashes inside (RFC 8032 §5.1), so node:crypto wants no hash named. */
function rawHash(algorithm: SigningAlgorithm): HashName | null {
  return algorithm === 'ED25519_SHA_512' ? null : hashName(algorithm)
}

function keyWithOptions(algorithm: SigningAlgorithm, key: KeyObject) {
  if (!algorithm.startsWith('RSASSA_PSS')) return key
  return {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  }
}

function checkDigest(algorithm: SigningAlgorithm, digest: Buffer): HashName {
  if (algorithm === 'ED25519_SHA_512') {
    throw new KmsError('ValidationException', `${algorithm} takes messages of MessageType RAW only.`)
  }
  const hash = hashName(algorithm)
  if (digest.length !== digestLengths[hash]) {
    throw new KmsError('ValidationException', `Digest is invalid length for algorithm ${algorithm}.`)
  }
  return hash
}

function hashName(algorithm: SigningAlgorithm): HashName {
  if (algorithm.endsWith('SHA_256')) return 'sha256'
  return algorithm.endsWith('SHA_384') ? 'sha384' : 'sha512'
}
