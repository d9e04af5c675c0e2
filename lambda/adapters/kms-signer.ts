import { createHash } from 'node:crypto'
import { type KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { type Sign, SignatureSelfCheckError, SigningKeyUnusable } from '../oauth/access-token.ts'
import { derToJoseLowS } from '../oauth/ecdsa-signature.ts'
import { keyIsDisabled, keyIsGone, signingAlgorithms, toBeDeleted } from '../oauth/kms-facts.ts'
import { type SigningKey, verificationKey } from '../oauth/signing-key.ts'
import { verifySignature } from '../oauth/verify-signature.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** What KMS says of a key that exists, or did, and that it will not sign with. */
const unusable = [keyIsDisabled, toBeDeleted, keyIsGone]

/** Signs with KMS: the private key never leaves it. Every signature is brought to its one form and verified before release. */
export function kmsSigner(client: KMSClient, records: Records): Sign {
  return async (signingInput, key) => {
    const sign = new SignCommand({
      KeyId: key.kmsKeyArn,
      SigningAlgorithm: signingAlgorithms[key.algorithm],
      ...message(signingInput, key),
    })
    const { Signature = new Uint8Array() } = await call(
      'kms',
      () => client.send(sign, deadline()),
      records,
      ...unusable,
    ).catch(cause => {
      if (!unusable.includes(cause.name)) throw cause
      records.signingKeyUnusable(key.kid)
      throw new SigningKeyUnusable('KMS does not sign with it', { cause })
    })
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
