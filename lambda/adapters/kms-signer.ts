import { createHash } from 'node:crypto'
import { type KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { type Sign, SignatureSelfCheckError } from '../oauth/access-token.ts'
import { derToJoseLowS } from '../oauth/ecdsa-signature.ts'
import { signingAlgorithms } from '../oauth/kms-facts.ts'
import { type SigningKey, verificationKey } from '../oauth/signing-key.ts'
import { verifySignature } from '../oauth/verify-signature.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { callWithKey } from './signing-key-call.ts'

/** Signs with KMS: the private key never leaves it. Every signature is brought to its one form and verified before release. */
export function kmsSigner(client: KMSClient, records: Records): Sign {
  return async (signingInput, key) => {
    const sign = new SignCommand({
      KeyId: key.kmsKeyArn,
      SigningAlgorithm: signingAlgorithms[key.algorithm],
      ...message(signingInput, key),
    })
    const signing = () => client.send(sign, deadline())
    const { Signature = new Uint8Array() } = await callWithKey(signing, key, records)
    const signature = key.algorithm === 'ES256' ? derToJoseLowS(Signature) : Signature
    if (signature === undefined || !verifySignature(signingInput, signature, verificationKey(key))) {
      records.signatureSelfCheckFailed(key.kid)
      throw new SignatureSelfCheckError()
    }
    return signature
  }
}

/** A digest, which is as short as can be; Ed25519 takes none. */
function message(signingInput: string, { algorithm }: SigningKey) {
  return algorithm === 'EdDSA'
    ? ({ Message: Buffer.from(signingInput), MessageType: 'RAW' } as const)
    : ({ Message: createHash('sha256').update(signingInput).digest(), MessageType: 'DIGEST' } as const)
}
