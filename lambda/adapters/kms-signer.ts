import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { type KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { type Sign, SignatureSelfCheckError } from '../oauth/access-token.ts'
import { derToJoseLowS, joseToDer } from '../oauth/ecdsa-signature.ts'
import type { SigningKey } from '../oauth/signing-key.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** Signs with KMS: the private key never leaves it. Every signature is brought to low S and verified before release. */
export function kmsSigner(client: KMSClient, records: Records): Sign {
  const publicKeys = new Map<string, KeyObject>()
  return async (signingInput, key) => {
    const sign = new SignCommand({
      KeyId: key.kmsKeyArn,
      Message: createHash('sha256').update(signingInput).digest(),
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
    })
    const { Signature = new Uint8Array() } = await call('kms', () => client.send(sign, deadline()), records)
    const signature = derToJoseLowS(Signature)
    if (signature === undefined || !isValid(signingInput, signature, publicKey(key, publicKeys))) {
      records.signatureSelfCheckFailed(key.kid)
      throw new SignatureSelfCheckError()
    }
    return signature
  }
}

function isValid(signingInput: string, signature: Uint8Array, key: KeyObject): boolean {
  return verify('sha256', Buffer.from(signingInput), key, joseToDer(signature))
}

function publicKey(key: SigningKey, known: Map<string, KeyObject>): KeyObject {
  const found = known.get(key.kid) ?? createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
  known.set(key.kid, found)
  return found
}
