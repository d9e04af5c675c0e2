import { createPublicKey } from 'node:crypto'
import { CreateKeyCommand, GetPublicKeyCommand } from '@aws-sdk/client-kms'
import type { startLocalKms } from '../../lambda/support/local-kms.ts'
import type { LocalStore } from '../../lambda/support/local-store.ts'
import { signingKeyItem, signingKeyPair } from '../../lambda/support/signing-key-pair.ts'

type LocalKms = Awaited<ReturnType<typeof startLocalKms>>

/** A key made in KMS and put into the ring, as the keeper does: what a token function needs to issue. */
export async function makeSigningKey(kms: LocalKms, store: LocalStore, ring: string): Promise<void> {
  const created = await kms.client.send(
    new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
  )
  const kmsKeyArn = created.KeyMetadata?.Arn ?? ''
  const { PublicKey = [] } = await kms.client.send(new GetPublicKeyCommand({ KeyId: kmsKeyArn }))
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const { key } = signingKeyPair({ kmsKeyArn, signFrom: 1, createdAt: 1 })
  await store.put('SigningKeys', signingKeyItem(ring, { ...key, publicJwk: { ...key.publicJwk, x, y } }))
}
