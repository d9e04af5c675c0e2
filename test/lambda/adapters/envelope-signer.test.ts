import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { compactVerify, importJWK } from 'jose'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { envelopeSigner } from '../../../lambda/adapters/envelope-signer.ts'
import { SignatureSelfCheckError, SigningKeyUnusable } from '../../../lambda/oauth/access-token.ts'
import { isLowS } from '../../../lambda/oauth/ecdsa-signature.ts'
import { jwsAlgorithms } from '../../../lambda/oauth/public-key.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { startFaultServer, throttled } from '../support/fault-server.ts'
import { kmsSigningKey, ringOfTests } from '../support/kms-signing-key.ts'
import { startLocalKms } from '../support/local-kms.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const kms = await startLocalKms()
const proxy = await startFaultServer(kms.url)
const recorded = recordedLines()
const client = new KMSClient({ ...kms.settings, endpoint: proxy.url, maxAttempts: 2 })
const { KeyMetadata } = await kms.client.send(new CreateKeyCommand({}))
const wrappingKeyArn = KeyMetadata?.Arn ?? ''
const newSigner = (ring = ringOfTests) => envelopeSigner(client, ring, recorded.records)
const newKey = (algorithm: (typeof jwsAlgorithms)[number] = 'ES256') =>
  kmsSigningKey(kms.client, algorithm, wrappingKeyArn)
const inputOf = (alg: string) => `${Buffer.from(JSON.stringify({ alg })).toString('base64url')}.bWVzc2FnZQ`

afterAll(() => Promise.all([proxy.close(), kms.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

describe.each(jwsAlgorithms)('envelopeSigner with %s', algorithm => {
  it('signs in process what an independent library verifies (RFC 7515 §5.2)', async () => {
    const [sign, key] = [newSigner(), await newKey(algorithm)]
    const input = inputOf(algorithm)
    const publicKey = await importJWK({ ...key.publicJwk })
    for (let count = 0; count < 20; count++) {
      const signature = await sign(input, key)
      if (algorithm === 'ES256')
        expect([signature.length, isLowS(signature.subarray(32))]).toEqual([64, true])
      const jws = `${input}.${Buffer.from(signature).toString('base64url')}`
      expect(Buffer.from((await compactVerify(jws, publicKey)).payload).toString()).toBe('message')
    }
  })
})

describe('envelopeSigner', () => {
  it('unwraps a key once, however many ask together, for its own ring alone', async () => {
    const [sign, key] = [newSigner(), await newKey()]
    await Promise.all(Array.from({ length: 20 }, () => sign('a.b', key)))
    await sign('a.b', key)
    expect(proxy.operations).toEqual(['Decrypt'])
    expect(proxy.bodies[0]).toMatchObject({
      KeyId: wrappingKeyArn,
      EncryptionContext: { 'countersign:ring': ringOfTests },
    })
    await expect(newSigner('another-ring')('a.b', key)).rejects.toBeInstanceOf(Unavailable)
  })

  it('goes on signing when KMS is away, and asks again for a key that it could not unwrap', async () => {
    const [sign, key] = [newSigner(), await newKey()]
    proxy.always(throttled)
    await expect(sign('a.b', key)).rejects.toBeInstanceOf(Unavailable)
    proxy.reset()
    await sign('a.b', key)
    proxy.always(throttled)
    expect(await sign('a.b', key)).toHaveLength(64)
  })

  it.each(['DisabledException', 'KMSInvalidStateException', 'NotFoundException'])(
    'says that the key cannot be used when KMS does not unwrap it, with an alarm: %s',
    async type => {
      proxy.always({ status: 400, type })
      const key = await newKey()
      await expect(newSigner()('a.b', key)).rejects.toBeInstanceOf(SigningKeyUnusable)
      expect(recorded.lines).toMatchObject([{ level: 'ERROR', kid: key.kid, SigningKeyUnusable: 1 }])
    },
  )

  it.each<[string, (plaintext: Buffer) => Uint8Array]>([
    ['of nothing', () => Buffer.alloc(0)],
    ['with a bit flipped', plaintext => plaintext.with(60, (plaintext[60] ?? 0) ^ 1)],
    ['cut off', plaintext => plaintext.subarray(0, -1)],
  ])(
    'signs nothing with a private key %s: it proves itself first, or there is an alarm',
    async (_, change) => {
      proxy.next({
        answer: answer => {
          const plaintext = Buffer.from(String(answer.Plaintext), 'base64')
          return { ...answer, Plaintext: Buffer.from(change(plaintext)).toString('base64') }
        },
      })
      const key = await newKey()
      await expect(newSigner()('a.b', key)).rejects.toBeInstanceOf(SignatureSelfCheckError)
      expect(recorded.lines).toMatchObject([{ level: 'ERROR', kid: key.kid, SignatureSelfCheckFailed: 1 }])
    },
  )

  it('signs nothing with the private half of another key, of the same algorithm or not', async () => {
    const [mine, other, third] = [await newKey(), await newKey(), await newKey('EdDSA')]
    for (const { wrappedPrivateKey } of [other, third])
      await expect(newSigner()('a.b', { ...mine, wrappedPrivateKey })).rejects.toBeInstanceOf(
        SignatureSelfCheckError,
      )
  })
})
