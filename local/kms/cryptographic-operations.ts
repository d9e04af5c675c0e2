import { createPublicKey, randomBytes } from 'node:crypto'
import { keyPairSpecs, makePrivateKey, signingAlgorithmsOf } from './key-spec.ts'
import type { KeyRecord } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import { checkUsable, findUsableKey, type KmsContext, keyArn, type Operation } from './operation.ts'
import {
  blob,
  invalid,
  type KmsRequest,
  oneOf,
  optionalInteger,
  optionalString,
  stringMap,
} from './request.ts'
import {
  messageTypes,
  type SigningAlgorithm,
  signingAlgorithms,
  signMessage,
  verifyMessage,
} from './signing-algorithm.ts'
import { invalidCiphertext, unwrap, wrap, wrappingKeyId } from './wrapped-blob.ts'

/** What KMS takes at most, in octets. */
const messageAtMost = 4096
const signatureAtMost = 6144
const ciphertextAtMost = 6144

/** Operations that use a key's material. */
export const cryptographicOperations: Record<string, Operation> = {
  Sign(request, context) {
    const { record, algorithm, messageType, message } = readSigning(request, context)
    const signature = signMessage(algorithm, messageType, message, context.store.privateKey(record))
    return {
      KeyId: keyArn(record.keyId, context),
      Signature: signature.toString('base64'),
      SigningAlgorithm: algorithm,
    }
  },

  Verify(request, context) {
    const { record, algorithm, messageType, message } = readSigning(request, context)
    const signature = blob(request, 'Signature', { atMost: signatureAtMost })
    const privateKey = context.store.privateKey(record)
    if (!verifyMessage(algorithm, messageType, message, privateKey, signature)) {
      throw new KmsError('KMSInvalidSignatureException', 'The signature is not valid.')
    }
    return { KeyId: keyArn(record.keyId, context), SignatureValid: true, SigningAlgorithm: algorithm }
  },

  Encrypt(request, context) {
    const record = findUsableKey(request, context, 'ENCRYPT_DECRYPT')
    checkSymmetricAlgorithm(request)
    const plaintext = blob(request, 'Plaintext', { atMost: messageAtMost })
    return {
      CiphertextBlob: wrapWith(record, plaintext, request),
      KeyId: keyArn(record.keyId, context),
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    }
  },

  Decrypt(request, context) {
    checkSymmetricAlgorithm(request)
    const ciphertext = blob(request, 'CiphertextBlob', { atMost: ciphertextAtMost })
    const keyId = wrappingKeyId(ciphertext)
    if (request.KeyId !== undefined) {
      const named = findUsableKey(request, context, 'ENCRYPT_DECRYPT')
      if (named.keyId !== keyId) {
        throw new KmsError(
          'IncorrectKeyException',
          'The key ID in the request does not identify a key that can perform this operation.',
        )
      }
    }
    const record = context.store.key(keyId)
    if (record === undefined) throw invalidCiphertext()
    checkUsable(record, context)
    const plaintext = unwrap(keyId, secretOf(record), ciphertext, readEncryptionContext(request))
    return {
      KeyId: keyArn(keyId, context),
      Plaintext: plaintext.toString('base64'),
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    }
  },

  GenerateDataKey(request, context) {
    const record = findUsableKey(request, context, 'ENCRYPT_DECRYPT')
    const plaintext = randomBytes(readDataKeyLength(request))
    return {
      CiphertextBlob: wrapWith(record, plaintext, request),
      Plaintext: plaintext.toString('base64'),
      KeyId: keyArn(record.keyId, context),
    }
  },

  async GenerateDataKeyPair(request, context) {
    const { privateKeyDer, ...response } = await generatePair(request, context)
    return { ...response, PrivateKeyPlaintext: privateKeyDer.toString('base64') }
  },

  async GenerateDataKeyPairWithoutPlaintext(request, context) {
    const { privateKeyDer: _, ...response } = await generatePair(request, context)
    return response
  },
}

function readSigning(request: KmsRequest, context: KmsContext) {
  const record = findUsableKey(request, context, 'SIGN_VERIFY')
  const algorithm: SigningAlgorithm = oneOf(request, 'SigningAlgorithm', signingAlgorithms)
  if (!signingAlgorithmsOf(record.keySpec).includes(algorithm)) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${record.keySpec}.`,
    )
  }
  const messageType = oneOf(request, 'MessageType', messageTypes, 'RAW')
  const message = blob(request, 'Message', { atMost: messageAtMost })
  return { record, algorithm, messageType, message }
}

async function generatePair(request: KmsRequest, context: KmsContext) {
  const record = findUsableKey(request, context, 'ENCRYPT_DECRYPT')
  const spec = oneOf(request, 'KeyPairSpec', keyPairSpecs)
  const privateKey = await makePrivateKey(spec)
  const privateKeyDer = privateKey.export({ type: 'pkcs8', format: 'der' })
  return {
    privateKeyDer,
    PrivateKeyCiphertextBlob: wrapWith(record, privateKeyDer, request),
    PublicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64'),
    KeyId: keyArn(record.keyId, context),
    KeyPairSpec: spec,
  }
}

function readDataKeyLength(request: KmsRequest): number {
  const spec = optionalString(request, 'KeySpec')
  const length = optionalInteger(request, 'NumberOfBytes', { from: 1, to: 1024 })
  if ((spec === undefined) === (length === undefined)) {
    throw new KmsError('ValidationException', 'Please specify either number of bytes or key spec.')
  }
  if (length !== undefined) return length
  return oneOf(request, 'KeySpec', ['AES_256', 'AES_128']) === 'AES_256' ? 32 : 16
}

function wrapWith(record: KeyRecord, plaintext: Buffer, request: KmsRequest): string {
  const wrapped = wrap(record.keyId, secretOf(record), plaintext, readEncryptionContext(request))
  return wrapped.toString('base64')
}

function readEncryptionContext(request: KmsRequest): Record<string, string> {
  return stringMap(request, 'EncryptionContext')
}

function secretOf(record: KeyRecord): Buffer {
  return Buffer.from(record.material, 'base64')
}

function checkSymmetricAlgorithm(request: KmsRequest): void {
  const algorithm = optionalString(request, 'EncryptionAlgorithm') ?? 'SYMMETRIC_DEFAULT'
  if (algorithm !== 'SYMMETRIC_DEFAULT') throw invalid('EncryptionAlgorithm', 'must be SYMMETRIC_DEFAULT')
}
