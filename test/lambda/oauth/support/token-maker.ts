import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { derToJoseLowS, joseToDer } from '../../../../lambda/oauth/ecdsa-signature.ts'
import type { SigningKey } from '../../../../lambda/oauth/signing-key.ts'

export const issuer = 'https://issuer.example.com'
export const audience = 'https://orders.example.com'
/** 2026-01-02T03:04:05Z. */
export const nowSeconds = 1_767_323_045
export const clientId = '0123456789abcdef0123456789abcdef'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { x = '', y = '' } = publicKey.export({ format: 'jwk' })

export const publicJwk = { kty: 'EC', crv: 'P-256', x, y, kid: 'key-1', alg: 'ES256', use: 'sig' } as const

export const signingKey: SigningKey = {
  kid: 'key-1',
  algorithm: 'ES256',
  publicJwk,
  kmsKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1',
  wrappedPrivateKey: undefined,
  state: 'active',
  createdAt: 0,
  signFrom: 0,
  verifyUntil: undefined,
}

export const header = { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' }

export const claims = {
  iss: issuer,
  sub: clientId,
  client_id: clientId,
  aud: audience,
  scope: 'orders:read orders:write',
  iat: nowSeconds,
  exp: nowSeconds + 600,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
}

export const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')

/** R || S with low S, as KMS's signer makes it. */
export function signRaw(signingInput: string): Buffer {
  const signature = derToJoseLowS(sign('sha256', Buffer.from(signingInput), privateKey))
  if (signature === undefined) throw new Error('not a signature')
  return signature
}

/** Signs whatever texts are given as header and payload. */
export function signTexts(headerText: string | Uint8Array, payloadText: string | Uint8Array): string {
  const signingInput = `${encode(headerText)}.${encode(payloadText)}`
  return `${signingInput}.${encode(signRaw(signingInput))}`
}

export function makeToken(changes: object = {}, headerChanges: object = {}): string {
  return signTexts(JSON.stringify({ ...header, ...headerChanges }), JSON.stringify({ ...claims, ...changes }))
}

/** The port that production fills with aws-jwt-verify: node:crypto as its witness. */
export function verifySignature(token: string): boolean {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  return verify('sha256', Buffer.from(token.slice(0, end)), publicKey, joseToDer(signature))
}
