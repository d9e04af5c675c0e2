import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import {
  CreateKeyCommand,
  GetPublicKeyCommand,
  type KeySpec,
  type KMSClient,
  SignCommand,
  type SigningAlgorithmSpec,
  VerifyCommand,
} from '@aws-sdk/client-kms'
import { compactVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kmsForTest, refusalOf } from './kms-client.ts'

const message = Buffer.from('a message that KMS signs')
const rsaAlgorithms = [
  ['RSASSA_PKCS1_V1_5_SHA_256', 'RS256'],
  ['RSASSA_PKCS1_V1_5_SHA_384', 'RS384'],
  ['RSASSA_PKCS1_V1_5_SHA_512', 'RS512'],
  ['RSASSA_PSS_SHA_256', 'PS256'],
  ['RSASSA_PSS_SHA_384', 'PS384'],
  ['RSASSA_PSS_SHA_512', 'PS512'],
] as const
const keySpecs: [KeySpec, readonly (readonly [SigningAlgorithmSpec, string])[]][] = [
  ['ECC_NIST_P256', [['ECDSA_SHA_256', 'ES256']]],
  ['ECC_NIST_P384', [['ECDSA_SHA_384', 'ES384']]],
  ['ECC_NIST_P521', [['ECDSA_SHA_512', 'ES512']]],
  ['ECC_NIST_EDWARDS25519', [['ED25519_SHA_512', 'EdDSA']]],
  ['RSA_2048', rsaAlgorithms],
  ['RSA_3072', rsaAlgorithms.slice(3, 4)],
]

async function createKey(client: KMSClient, spec: KeySpec) {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY' }))
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId: KeyMetadata?.KeyId }))
  return {
    KeyId: KeyMetadata?.KeyId,
    publicKey: createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' }),
  }
}

function hashNameOf(algorithm: SigningAlgorithmSpec): string {
  return `sha${algorithm.slice(-3)}`
}

function digestOf(algorithm: SigningAlgorithmSpec): Buffer {
  return createHash(hashNameOf(algorithm)).update(message).digest()
}

function nodeVerifies(algorithm: SigningAlgorithmSpec, key: KeyObject, signature: Uint8Array): boolean {
  const hash = algorithm === 'ED25519_SHA_512' ? null : hashNameOf(algorithm)
  const pss = {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  }
  return verify(hash, message, algorithm.includes('PSS') ? { key, ...pss } : key, signature)
}

describe.each(keySpecs)('a key of spec %s', (spec, algorithms) => {
  let client: KMSClient
  let KeyId: string | undefined
  let publicKey: KeyObject
  beforeAll(async () => {
    client = (await kmsForTest({}, afterAll)).client
    ;({ KeyId, publicKey } = await createKey(client, spec))
  })

  it.each(algorithms)(
    'signs messages with %s so that node:crypto and KMS itself verify them',
    async algorithm => {
      const asked = { KeyId, SigningAlgorithm: algorithm, Message: message, MessageType: 'RAW' as const }
      const { Signature } = await client.send(new SignCommand(asked))
      expect(nodeVerifies(algorithm, publicKey, Signature ?? new Uint8Array())).toBe(true)
      const verified = await client.send(new VerifyCommand({ ...asked, Signature }))
      expect(verified.SignatureValid).toBe(true)
      const other = { ...asked, Message: Buffer.from('another message'), Signature }
      expect((await refusalOf(client.send(new VerifyCommand(other)))).name).toBe(
        'KMSInvalidSignatureException',
      )
    },
  )

  it.each(algorithms.filter(([algorithm]) => algorithm !== 'ED25519_SHA_512'))(
    'signs digests with %s as it signs their messages',
    async algorithm => {
      const digest = digestOf(algorithm)
      const asked = { KeyId, SigningAlgorithm: algorithm, Message: digest, MessageType: 'DIGEST' as const }
      for (let round = 0; round < 20; round++) {
        const { Signature } = await client.send(new SignCommand(asked))
        expect(nodeVerifies(algorithm, publicKey, Signature ?? new Uint8Array())).toBe(true)
        if (round === 0) {
          expect((await client.send(new VerifyCommand({ ...asked, Signature }))).SignatureValid).toBe(true)
        }
      }
      const ofMessage = await client.send(new SignCommand({ ...asked, Message: message, MessageType: 'RAW' }))
      const checked = new VerifyCommand({ ...asked, Signature: ofMessage.Signature })
      expect((await client.send(checked)).SignatureValid).toBe(true)
      const changed = Buffer.from(ofMessage.Signature ?? [])
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
      const refused = client.send(new VerifyCommand({ ...asked, Signature: changed }))
      expect((await refusalOf(refused)).name).toBe('KMSInvalidSignatureException')
    },
  )

  it.each(algorithms)('signs with %s what jose accepts as %s (RFC 7518 §3.1)', async (algorithm, alg) => {
    const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
    const payload = Buffer.from('{}').toString('base64url')
    const { Signature } = await client.send(
      new SignCommand({ KeyId, SigningAlgorithm: algorithm, Message: Buffer.from(`${header}.${payload}`) }),
    )
    const signature = toJws(alg, Buffer.from(Signature ?? []))
    const verified = await compactVerify(`${header}.${payload}.${signature}`, publicKey)
    expect(verified.protectedHeader).toEqual({ alg })
  })
})

/** ECDSA signatures of KMS are DER, those of a JWS are R || S, each padded on the left (RFC 7518 §3.4). */
function toJws(alg: string, der: Buffer): string {
  if (!alg.startsWith('ES')) return der.toString('base64url')
  const size = { ES256: 32, ES384: 48, ES512: 66 }[alg] ?? 0
  let at = der[1] === 0x81 ? 3 : 2
  const parts = [0, 1].map(() => {
    const length = der[at + 1] ?? 0
    const integer = der.subarray(at + 2, at + 2 + length)
    at += 2 + length
    return Buffer.from(
      integer
        .toString('hex')
        .replace(/^(00)+/, '')
        .padStart(size * 2, '0'),
      'hex',
    )
  })
  return Buffer.concat(parts).toString('base64url')
}

describe('Sign refuses', () => {
  it('a digest of another length than the algorithm makes', async () => {
    const { client } = await kmsForTest()
    const { KeyId } = await createKey(client, 'ECC_NIST_P256')
    const asked = { KeyId, SigningAlgorithm: 'ECDSA_SHA_256' as const, MessageType: 'DIGEST' as const }
    expect(await refusalOf(client.send(new SignCommand({ ...asked, Message: Buffer.alloc(48) })))).toEqual({
      name: 'ValidationException',
      message: 'Digest is invalid length for algorithm ECDSA_SHA_256.',
    })
  })

  it('a digest under ED25519_SHA_512, and an algorithm of another key spec', async () => {
    const { client } = await kmsForTest()
    const { KeyId } = await createKey(client, 'ECC_NIST_EDWARDS25519')
    const digest = { KeyId, Message: Buffer.alloc(64), MessageType: 'DIGEST' as const }
    const prehashed = new SignCommand({ ...digest, SigningAlgorithm: 'ED25519_SHA_512' })
    expect((await refusalOf(client.send(prehashed))).name).toBe('ValidationException')
    const foreign = new SignCommand({ ...digest, SigningAlgorithm: 'RSASSA_PSS_SHA_512' })
    expect(await refusalOf(client.send(foreign))).toEqual({
      name: 'InvalidKeyUsageException',
      message: 'Algorithm RSASSA_PSS_SHA_512 is incompatible with key spec ECC_NIST_EDWARDS25519.',
    })
  })

  it('a message above 4,096 octets, and none', async () => {
    const { client } = await kmsForTest()
    const { KeyId } = await createKey(client, 'ECC_NIST_P256')
    for (const length of [0, 4097]) {
      const asked = { KeyId, SigningAlgorithm: 'ECDSA_SHA_256' as const, Message: Buffer.alloc(length) }
      expect((await refusalOf(client.send(new SignCommand(asked)))).name).toBe('ValidationException')
    }
    const longest = { KeyId, SigningAlgorithm: 'ECDSA_SHA_256' as const, Message: Buffer.alloc(4096) }
    expect((await client.send(new SignCommand(longest))).SigningAlgorithm).toBe('ECDSA_SHA_256')
  })
})
