import { createPublicKey } from 'node:crypto'
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { calculateJwkThumbprint } from 'jose'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { KmsKeys, type KmsKeysSettings } from '../../../lambda/adapters/kms-keys.ts'
import { jwsAlgorithms } from '../../../lambda/oauth/public-key.ts'
import type { NewKey, PendingKey } from '../../../lambda/oauth/ring-keeper.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { kmsSigningKey } from '../support/kms-signing-key.ts'
import { startLocalKms } from '../support/local-kms.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const kms = await startLocalKms()
const proxy = await startFaultServer(kms.url)
const client = new KMSClient({ ...kms.settings, endpoint: proxy.url, maxAttempts: 2 })
const recorded = recordedLines('keeper')
const { KeyMetadata } = await kms.client.send(new CreateKeyCommand({}))
const wrappingKeyArn = KeyMetadata?.Arn ?? ''

const keysOf = (settings: Partial<KmsKeysSettings> = {}) =>
  new KmsKeys(
    client,
    { ring: 'ring-of-tests', algorithm: 'ES256', custody: 'kms', wrappingKeyArn: undefined, ...settings },
    recorded.records,
  )
const keys = keysOf()

async function pending(maker = keys): Promise<PendingKey> {
  const made = await maker.create(1000)
  return 'pending' in made ? made.pending : expect.fail('the key is complete')
}

const stateOf = async (KeyId: string) =>
  (await kms.client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState

afterAll(() => Promise.all([proxy.close(), kms.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

describe('a key that KMS makes', () => {
  it('belongs to the ring by the tag that the request itself has, as its permission is conditional on it', async () => {
    const { kid, kmsKeyArn, createdAt } = await pending()
    expect([kmsKeyArn.endsWith(`:key/${kid}`), createdAt]).toEqual([true, 1000])
    expect(proxy.operations).toEqual(['CreateKey'])
    expect(proxy.bodies[0]).toEqual({
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      Description: 'Countersign access token signing key of ring-of-tests',
      Tags: [{ TagKey: 'countersign:ring', TagValue: 'ring-of-tests' }],
    })
    const { Tags } = await kms.client.send(new ListResourceTagsCommand({ KeyId: kmsKeyArn }))
    expect(Tags).toEqual([{ TagKey: 'countersign:ring', TagValue: 'ring-of-tests' }])
    expect(recorded.lines).toMatchObject([{ message: 'KMS key created', kmsKeyArn }])
  })

  it.each([
    ['ES256', 'ECC_NIST_P256'],
    ['RS256', 'RSA_2048'],
    ['PS256', 'RSA_2048'],
    ['EdDSA', 'ECC_NIST_EDWARDS25519'],
  ] as const)(
    'for %s is of the spec %s, and its public half is published for it alone, named by its thumbprint (RFC 7638 §3)',
    async (algorithm, spec) => {
      const maker = keysOf({ algorithm })
      const made = await pending(maker)
      const key = (await maker.complete(made)) as NewKey
      expect(proxy.bodies[0]).toMatchObject({ KeySpec: spec })
      const { PublicKey = [] } = await kms.client.send(new GetPublicKeyCommand({ KeyId: made.kmsKeyArn }))
      const witness = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
      const jwk = witness.export({ format: 'jwk' })
      const kid = await calculateJwkThumbprint(jwk)
      expect(key).toEqual({
        kid,
        algorithm,
        publicJwk: { ...jwk, kid, alg: algorithm, use: 'sig' },
        kmsKeyArn: made.kmsKeyArn,
        wrappedPrivateKey: undefined,
      })
    },
  )

  it('is unavailable when KMS refuses', async () => {
    proxy.always({ status: 400, type: 'AccessDeniedException' })
    await expect(keys.create(0)).rejects.toMatchObject({ name: 'Unavailable', dependency: 'kms' })
    expect(proxy.operations).toEqual(['CreateKey'])
    expect(recorded.lines).toMatchObject([
      { message: 'kms call failed', error: 'AccessDeniedException', KmsErrors: 1 },
    ])
  })

  it('stays to be completed while its public half cannot be read, and is gone when KMS has no such key', async () => {
    const made = await pending()
    proxy.always({ status: 400, type: 'AccessDeniedException' })
    await expect(keys.complete(made)).rejects.toMatchObject({ name: 'Unavailable' })
    for (const type of ['NotFoundException', 'KMSInvalidStateException']) {
      proxy.always({ status: 400, type })
      expect(await keys.complete(made)).toBe('gone')
    }
  })

  it('is of no use when the deployment has left its algorithm meanwhile', async () => {
    expect(await keysOf({ algorithm: 'RS256' }).complete(await pending())).toBe('gone')
  })
})

describe('a key pair that KMS wraps', () => {
  it.each(jwsAlgorithms)(
    'for %s is complete at once, named by its thumbprint (RFC 7638 §3)',
    async algorithm => {
      const made = await keysOf({ algorithm, custody: 'envelope', wrappingKeyArn }).create(1000)
      if (!('key' in made)) return expect.fail('the key is pending')
      const { kid, publicJwk, kmsKeyArn, wrappedPrivateKey } = made.key
      expect([kid, publicJwk.kid, kmsKeyArn]).toEqual([
        await calculateJwkThumbprint({ ...publicJwk }),
        kid,
        wrappingKeyArn,
      ])
      expect(wrappedPrivateKey?.length).toBeGreaterThan(64)
      expect(proxy.bodies).toMatchObject([{ EncryptionContext: { 'countersign:ring': 'ring-of-tests' } }])
    },
  )
})

describe('the state of keys', () => {
  it('is unusable where KMS does not use them, and not where that cannot be found out', async () => {
    const [good, disabled, ending, gone] = await Promise.all(
      Array.from({ length: 4 }, () => kmsSigningKey(kms.client, 'ES256')),
    )
    if (!good || !disabled || !ending || !gone) return expect.fail('no keys')
    await kms.client.send(new DisableKeyCommand({ KeyId: disabled.kmsKeyArn }))
    await kms.client.send(new ScheduleKeyDeletionCommand({ KeyId: ending.kmsKeyArn }))
    const missing: SigningKey = { ...gone, kmsKeyArn: `${gone.kmsKeyArn.slice(0, -1)}g` }
    expect(await keys.unusable([good, disabled, ending, missing])).toEqual(
      new Set([disabled.kid, ending.kid, missing.kid]),
    )
    proxy.always({ status: 400, type: 'ThrottlingException' })
    expect(await keys.unusable([good])).toEqual(new Set())
  })
})

describe('the end of a key', () => {
  it('is as late as KMS allows, can be asked for again, and can be cancelled until then', async () => {
    const key = await kmsSigningKey(kms.client, 'ES256')
    await keys.destroy(key)
    expect(proxy.bodies[0]).toEqual({ KeyId: key.kmsKeyArn, PendingWindowInDays: 30 })
    await keys.destroy(key)
    expect(await stateOf(key.kmsKeyArn)).toBe('PendingDeletion')
    await kms.client.send(new CancelKeyDeletionCommand({ KeyId: key.kmsKeyArn }))
    expect(await stateOf(key.kmsKeyArn)).toBe('Disabled')
  })

  it('is nothing to KMS where it only wraps it: the key that wraps goes on', async () => {
    const key = await kmsSigningKey(kms.client, 'ES256', wrappingKeyArn)
    await keys.destroy(key)
    expect([proxy.operations, await stateOf(wrappingKeyArn)]).toEqual([[], 'Enabled'])
  })

  it('is unavailable when KMS cannot be asked', async () => {
    const key = await kmsSigningKey(kms.client, 'ES256')
    proxy.always({ status: 400, type: 'AccessDeniedException' })
    await expect(keys.destroy(key)).rejects.toMatchObject({ name: 'Unavailable' })
  })
})
