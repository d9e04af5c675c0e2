import { constants, createPrivateKey, type KeyObject, sign as signWith } from 'node:crypto'
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms'
import { type Sign, SignatureSelfCheckError } from '../oauth/access-token.ts'
import { derToJoseLowS } from '../oauth/ecdsa-signature.ts'
import { ringContext } from '../oauth/kms-facts.ts'
import type { JwsAlgorithm } from '../oauth/public-key.ts'
import { type SigningKey, verificationKey } from '../oauth/signing-key.ts'
import { verifySignature } from '../oauth/verify-signature.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { callWithKey } from './signing-key-call.ts'

/**
 * Signs in process with private keys that KMS has wrapped: each is unwrapped once by an execution environment, and
 * signs something that its public half verifies before it signs a token.
 */
export function envelopeSigner(client: KMSClient, ring: string, records: Records): Sign {
  const privateKeys = new Map<string, Promise<KeyObject>>()

  const load = async (key: SigningKey): Promise<KeyObject> => {
    const decrypt = new DecryptCommand({
      KeyId: key.kmsKeyArn,
      CiphertextBlob: key.wrappedPrivateKey,
      EncryptionContext: ringContext(ring),
    })
    const unwrapping = () => client.send(decrypt, deadline())
    const { Plaintext = new Uint8Array() } = await callWithKey(unwrapping, key, records)
    const privateKey = importKey(Buffer.from(Plaintext))
    if (
      privateKey === undefined ||
      !verifySignature(key.kid, sign(key.kid, key, privateKey), verificationKey(key))
    ) {
      records.signatureSelfCheckFailed(key.kid)
      throw new SignatureSelfCheckError()
    }
    return privateKey
  }

  return async (signingInput, key) => {
    const loading = privateKeys.get(key.kid) ?? load(key)
    privateKeys.set(key.kid, loading)
    // What failed is tried again by the next request.
    loading.catch(() => privateKeys.delete(key.kid))
    return sign(signingInput, key, await loading)
  }
}

function importKey(pkcs8: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  } catch {
    return undefined
  }
}

const options: Readonly<Record<JwsAlgorithm, { readonly digest: string | null; readonly padding?: object }>> =
  {
    ES256: { digest: 'sha256' },
    RS256: { digest: 'sha256', padding: { padding: constants.RSA_PKCS1_PADDING } },
    // RFC 7518 §3.5: the salt is as long as the digest.
    PS256: { digest: 'sha256', padding: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
    EdDSA: { digest: null },
  }

/** A signature of the key's algorithm; empty where this is another kind of key. */
function sign(signingInput: string, { algorithm }: SigningKey, key: KeyObject): Uint8Array {
  const { digest, padding } = options[algorithm]
  try {
    const signature = signWith(digest, Buffer.from(signingInput), padding ? { key, ...padding } : key)
    return algorithm === 'ES256' ? (derToJoseLowS(signature) ?? new Uint8Array()) : signature
  } catch {
    return new Uint8Array()
  }
}
