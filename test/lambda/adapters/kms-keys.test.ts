import { createHash } from 'node:crypto'
import {
  DescribeKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListResourceTagsCommand,
} from '@aws-sdk/client-kms'
import { calculateJwkThumbprint } from 'jose'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { KmsKeys } from '../../../lambda/adapters/kms-keys.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { startLocalKms } from '../support/local-kms.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const kms = await startLocalKms()
const proxy = await startFaultServer(kms.url)
const client = new KMSClient({ ...kms.settings, endpoint: proxy.url, maxAttempts: 2 })
const recorded = recordedLines('keeper')
const keys = new KmsKeys(client, 'ring-of-tests', recorded.records)

afterAll(() => Promise.all([proxy.close(), kms.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

describe('KmsKeys', () => {
  it('creates a key that signs with ES256 and belongs to the ring by its tag', async () => {
    const { kmsKeyArn } = await keys.create()
    const { KeyMetadata } = await kms.client.send(new DescribeKeyCommand({ KeyId: kmsKeyArn }))
    expect(KeyMetadata).toMatchObject({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', Arn: kmsKeyArn })
    const { Tags } = await kms.client.send(new ListResourceTagsCommand({ KeyId: kmsKeyArn }))
    expect(Tags).toEqual([{ TagKey: 'countersign:ring', TagValue: 'ring-of-tests' }])
  })

  it('tags the key with the request that creates it, as its permission is conditional on the tag', async () => {
    await keys.create()
    expect(proxy.operations).toEqual(['CreateKey', 'GetPublicKey'])
    expect(proxy.bodies[0]).toEqual({
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      Description: 'Countersign access token signing key of ring-of-tests',
      Tags: [{ TagKey: 'countersign:ring', TagValue: 'ring-of-tests' }],
    })
  })

  it('gives the public key as a JWK, named by its thumbprint (RFC 7638 §3)', async () => {
    const { kmsKeyArn, publicJwk } = await keys.create()
    const { PublicKey } = await kms.client.send(new GetPublicKeyCommand({ KeyId: kmsKeyArn }))
    // The uncompressed point is at the end of the SPKI.
    const point = Buffer.from(PublicKey ?? []).subarray(-64)
    expect(publicJwk).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(0, 32).toString('base64url'),
      y: point.subarray(32).toString('base64url'),
      kid: await calculateJwkThumbprint({ ...publicJwk }),
      alg: 'ES256',
      use: 'sig',
    })
    expect(Buffer.from(publicJwk.kid, 'base64url')).toHaveLength(createHash('sha256').digest().length)
  })

  it('is unavailable when no key can be created, and asks for no public key', async () => {
    proxy.always({ status: 400, type: 'AccessDeniedException' })
    const created = await keys.create().catch((thrown: unknown) => thrown)
    expect(created).toBeInstanceOf(Unavailable)
    expect(created).toMatchObject({ dependency: 'kms' })
    expect(proxy.operations).toEqual(['CreateKey'])
    expect(recorded.lines).toMatchObject([
      { message: 'kms call failed', error: 'AccessDeniedException', KmsErrors: 1 },
    ])
  })
})
