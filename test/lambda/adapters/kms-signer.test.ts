import { KMSClient } from '@aws-sdk/client-kms'
import { compactVerify, importJWK } from 'jose'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { kmsSigner } from '../../../lambda/adapters/kms-signer.ts'
import { SignatureSelfCheckError, SigningKeyUnusable } from '../../../lambda/oauth/access-token.ts'
import { derToJoseLowS, isLowS, joseToDer } from '../../../lambda/oauth/ecdsa-signature.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { type Fault, startFaultServer, throttled } from '../support/fault-server.ts'
import { kmsSigningKey } from '../support/kms-signing-key.ts'
import { startLocalKms } from '../support/local-kms.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const kms = await startLocalKms()
const proxy = await startFaultServer(kms.url)
const recorded = recordedLines()
const client = new KMSClient({ ...kms.settings, endpoint: proxy.url, maxAttempts: 2 })
const sign = kmsSigner(client, recorded.records)

const key = await kmsSigningKey(kms.client, 'ES256')
const { kmsKeyArn, publicJwk } = key
const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: key.kid })).toString('base64url')
const inputOf = (payload: string) => `${header}.${Buffer.from(payload).toString('base64url')}`

afterAll(() => Promise.all([proxy.close(), kms.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

const n = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
const toHex = (value: bigint) => value.toString(16).padStart(64, '0')

/** Changes the DER signature on its way back from KMS. */
const onItsWay = (change: (der: Buffer) => Uint8Array): Fault => ({
  answer: answer => {
    const der = Buffer.from(String(answer.Signature), 'base64')
    return { ...answer, Signature: Buffer.from(change(der)).toString('base64') }
  },
})

/** The other valid signature of the same message: (r, n - s), never low. */
function toHighS(der: Buffer): Buffer {
  const low = derToJoseLowS(der) ?? Buffer.alloc(64)
  const s = n - BigInt(`0x${low.subarray(32).toString('hex')}`)
  return joseToDer(Buffer.concat([low.subarray(0, 32), Buffer.from(toHex(s), 'hex')]))
}

describe('kmsSigner', () => {
  it('makes 500 signatures, every one of low S, that an independent library verifies (RFC 7515 §5.2)', async () => {
    const publicKey = await importJWK({ ...publicJwk })
    for (let count = 0; count < 500; count++) {
      const input = inputOf(`message ${count}`)
      const signature = await sign(input, key)
      expect([signature.length, isLowS(signature.subarray(32))]).toEqual([64, true])
      const jws = `${input}.${Buffer.from(signature).toString('base64url')}`
      const { payload } = await compactVerify(jws, publicKey)
      expect(Buffer.from(payload).toString()).toBe(`message ${count}`)
    }
    expect(recorded.texts).toEqual([])
  })

  it('sends the digest of the signing input, not the input', async () => {
    await sign(inputOf('digest'), key)
    expect(proxy.operations).toEqual(['Sign'])
    const { Message, ...rest } = proxy.bodies[0] ?? {}
    expect(rest).toEqual({ KeyId: kmsKeyArn, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' })
    expect(Buffer.from(String(Message), 'base64')).toHaveLength(32)
  })

  it('brings a signature of high S to the low one before its release', async () => {
    proxy.next(onItsWay(toHighS))
    const signature = Buffer.from(await sign(inputOf('high'), key))
    expect(isLowS(signature.subarray(32))).toBe(true)
    const jws = `${inputOf('high')}.${signature.toString('base64url')}`
    expect((await compactVerify(jws, await importJWK({ ...publicJwk }))).payload).toEqual(
      new Uint8Array(Buffer.from('high')),
    )
  })

  it.each<[string, (der: Buffer) => Uint8Array]>([
    ['with a bit of R flipped', der => der.with(8, (der[8] ?? 0) ^ 1)],
    ['with a bit of S flipped', der => der.with(der.length - 1, (der.at(-1) ?? 0) ^ 1)],
    ['cut off', der => der.subarray(0, der.length - 1)],
    ['with more behind it', der => Buffer.concat([der, Buffer.from([0])])],
    ['empty', () => Buffer.alloc(0)],
    ['of zeros', () => Buffer.from('3006020100020100', 'hex')],
  ])('never releases a signature %s, and raises an alarm', async (_, change) => {
    proxy.next(onItsWay(change))
    const signed = await sign(inputOf('corrupted'), key).catch((thrown: unknown) => thrown)
    expect(signed).toBeInstanceOf(SignatureSelfCheckError)
    expect(recorded.lines).toMatchObject([
      { level: 'ERROR', kid: key.kid, SignatureSelfCheckFailed: 1, service: 'token' },
    ])
  })

  it('never releases the signature of another message, or of another key', async () => {
    const other = await sign(inputOf('other'), key)
    proxy.next(onItsWay(() => joseToDer(other)))
    const ofMessage = await sign(inputOf('this'), key).catch((thrown: unknown) => thrown)
    expect(ofMessage).toBeInstanceOf(SignatureSelfCheckError)
    const { kid, publicJwk: stranger } = await kmsSigningKey(kms.client, 'ES256')
    const ofKey = await sign(inputOf('this'), { ...key, kid, publicJwk: stranger }).catch(
      (thrown: unknown) => thrown,
    )
    expect(ofKey).toBeInstanceOf(SignatureSelfCheckError)
  })

  it.each<[string, number, Fault]>([
    ['throttles', 2, throttled],
    ['fails', 2, { status: 500, type: 'KMSInternalException' }],
    ['breaks the connection', 2, 'reset'],
  ])('is unavailable when KMS %s, after %i attempts', async (_, attempts, fault) => {
    proxy.always(fault)
    const signed = await sign(inputOf('unavailable'), key).catch((thrown: unknown) => thrown)
    expect(signed).toBeInstanceOf(Unavailable)
    expect(signed).toMatchObject({ dependency: 'kms' })
    expect(proxy.operations).toHaveLength(attempts)
    expect(recorded.lines).toMatchObject([{ message: 'kms call failed', KmsErrors: 1 }])
  })

  it.each(['DisabledException', 'KMSInvalidStateException', 'NotFoundException'])(
    'says at once that KMS does not use the key, with an alarm: %s',
    async type => {
      proxy.always({ status: 400, type })
      const signed = await sign(inputOf('unusable'), key).catch((thrown: unknown) => thrown)
      expect(signed).toBeInstanceOf(SigningKeyUnusable)
      expect(proxy.operations).toEqual(['Sign'])
      expect(recorded.lines).toMatchObject([{ level: 'ERROR', kid: key.kid, SigningKeyUnusable: 1 }])
    },
  )
})

describe.each([
  ['RS256', { MessageType: 'DIGEST', SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' }],
  ['PS256', { MessageType: 'DIGEST', SigningAlgorithm: 'RSASSA_PSS_SHA_256' }],
  ['EdDSA', { MessageType: 'RAW', SigningAlgorithm: 'ED25519_SHA_512' }],
] as const)('kmsSigner with %s', (algorithm, request) => {
  it('makes signatures that an independent library verifies (RFC 7518 §3.3, §3.5, RFC 8037 §3.1)', async () => {
    const other = await kmsSigningKey(kms.client, algorithm)
    const input = `${Buffer.from(JSON.stringify({ alg: algorithm })).toString('base64url')}.bWVzc2FnZQ`
    const jws = `${input}.${Buffer.from(await sign(input, other)).toString('base64url')}`
    expect(proxy.bodies[0]).toMatchObject(request)
    const { payload } = await compactVerify(jws, await importJWK({ ...other.publicJwk }))
    expect(Buffer.from(payload).toString()).toBe('message')
  })

  it('never releases a signature with a bit flipped', async () => {
    const other = await kmsSigningKey(kms.client, algorithm)
    proxy.next(onItsWay(signature => signature.with(20, (signature[20] ?? 0) ^ 1)))
    await expect(sign('a.b', other)).rejects.toBeInstanceOf(SignatureSelfCheckError)
  })
})
