// What the stand-in encrypts: one octet of version, the key's id, the nonce, the tag, the ciphertext.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KmsError } from './kms-error.ts'

const version = 1
const keyIdAt = 1
const nonceAt = 17
const tagAt = 29
const ciphertextAt = 45

export type EncryptionContext = Readonly<Record<string, string>>

/** AES-256-GCM with the encryption context as additional authenticated data. */
export function wrap(keyId: string, key: Buffer, plaintext: Buffer, context: EncryptionContext): Buffer {
  const nonce = randomBytes(tagAt - nonceAt)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(authenticated(keyId, context))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const id = Buffer.from(keyId.replaceAll('-', ''), 'hex')
  return Buffer.concat([Buffer.of(version), id, nonce, cipher.getAuthTag(), ciphertext])
}

/** The id of the key that a blob was wrapped with: `Decrypt` of a symmetric key need not name it. */
export function wrappingKeyId(blob: Buffer): string {
  if (blob.length < ciphertextAt || blob[0] !== version) throw invalidCiphertext()
  const id = blob.toString('hex', keyIdAt, nonceAt)
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** @throws KmsError InvalidCiphertextException for another key, another context or a changed blob */
export function unwrap(keyId: string, key: Buffer, blob: Buffer, context: EncryptionContext): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(nonceAt, tagAt), { authTagLength: 16 })
  decipher.setAAD(authenticated(keyId, context))
  decipher.setAuthTag(blob.subarray(tagAt, ciphertextAt))
  try {
    return Buffer.concat([decipher.update(blob.subarray(ciphertextAt)), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}

export function invalidCiphertext(): KmsError {
  return new KmsError('InvalidCiphertextException', 'The ciphertext is not valid.')
}

/** The pairs of a context have no order: they are authenticated sorted by key. */
function authenticated(keyId: string, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.from(JSON.stringify([keyId, pairs]))
}
