import { createPrivateKey, createPublicKey } from 'node:crypto'
import {
  CreateKeyCommand,
  DecryptCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { kmsForTest, refusalOf } from './kms-client.ts'

async function createSymmetricKey(client: KMSClient) {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
  return { KeyId: KeyMetadata?.KeyId, Arn: KeyMetadata?.Arn }
}

describe('Encrypt and Decrypt', () => {
  it('give the plaintext back to who names the same encryption context, in any order', async () => {
    const { client } = await kmsForTest()
    const { KeyId, Arn } = await createSymmetricKey(client)
    const Plaintext = Buffer.from('wrapped')
    const encrypted = await client.send(
      new EncryptCommand({ KeyId, Plaintext, EncryptionContext: { ring: 'r', kid: 'k' } }),
    )
    expect(encrypted.KeyId).toBe(Arn)
    const { CiphertextBlob } = encrypted
    const decrypted = await client.send(
      new DecryptCommand({ CiphertextBlob, EncryptionContext: { kid: 'k', ring: 'r' } }),
    )
    expect([Buffer.from(decrypted.Plaintext ?? []).toString(), decrypted.KeyId]).toEqual(['wrapped', Arn])
    const bare = client.send(new DecryptCommand({ CiphertextBlob }))
    expect((await refusalOf(bare)).name).toBe('InvalidCiphertextException')
  })

  it('refuse a changed ciphertext, another key and a disabled one', async () => {
    const { client } = await kmsForTest()
    const { KeyId, Arn } = await createSymmetricKey(client)
    const other = await createSymmetricKey(client)
    const { CiphertextBlob = new Uint8Array() } = await client.send(
      new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }),
    )
    const changed = Buffer.from(CiphertextBlob)
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    const codeOf = async (input: { CiphertextBlob: Uint8Array; KeyId?: string }) =>
      (await refusalOf(client.send(new DecryptCommand(input)))).name
    expect(await codeOf({ CiphertextBlob: changed })).toBe('InvalidCiphertextException')
    expect(await codeOf({ CiphertextBlob: Buffer.from('short') })).toBe('InvalidCiphertextException')
    expect(await codeOf({ CiphertextBlob, KeyId: other.KeyId })).toBe('IncorrectKeyException')
    await client.send(new DisableKeyCommand({ KeyId }))
    expect(await refusalOf(client.send(new DecryptCommand({ CiphertextBlob })))).toEqual({
      name: 'DisabledException',
      message: `${Arn} is disabled.`,
    })
  })
})

describe('data keys', () => {
  it.each(['ECC_NIST_P256', 'ECC_NIST_EDWARDS25519', 'RSA_2048'] as const)(
    'a pair of %s comes wrapped: Decrypt gives its private key as PKCS #8',
    async KeyPairSpec => {
      const { client } = await kmsForTest()
      const { KeyId } = await createSymmetricKey(client)
      const EncryptionContext = { ring: 'r' }
      const pair = await client.send(
        new GenerateDataKeyPairWithoutPlaintextCommand({ KeyId, KeyPairSpec, EncryptionContext }),
      )
      expect(pair).not.toHaveProperty('PrivateKeyPlaintext')
      const { Plaintext } = await client.send(
        new DecryptCommand({ CiphertextBlob: pair.PrivateKeyCiphertextBlob, EncryptionContext }),
      )
      const privateKey = createPrivateKey({ key: Buffer.from(Plaintext ?? []), format: 'der', type: 'pkcs8' })
      const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
      expect(publicKey.equals(Buffer.from(pair.PublicKey ?? []))).toBe(true)
    },
  )

  it('have the length asked for, and Decrypt gives the same key', async () => {
    const { client } = await kmsForTest()
    const { KeyId } = await createSymmetricKey(client)
    const made = await client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))
    expect(made.Plaintext?.length).toBe(32)
    const { Plaintext } = await client.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }))
    expect(Plaintext).toEqual(made.Plaintext)
    const neither = client.send(new GenerateDataKeyCommand({ KeyId }))
    expect((await refusalOf(neither)).name).toBe('ValidationException')
  })
})
