import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { derToJoseLowS } from '../../../lambda/oauth/ecdsa-signature.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { issuer, ordersAudience } from './client-item.ts'
import type { Attributes } from './local-store.ts'
import { nowSeconds } from './recorded-lines.ts'

/** A P-256 key pair made now, and its record in the ring: active for an hour. */
export function signingKeyPair(changes: Partial<SigningKey> = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const thumbprint = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y })
  const kid = createHash('sha256').update(thumbprint).digest('base64url')
  const key: SigningKey = {
    kid,
    algorithm: 'ES256',
    publicJwk: { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' },
    kmsKeyArn: `arn:aws:kms:us-east-1:000000000000:key/${kid}`,
    wrappedPrivateKey: undefined,
    state: 'active',
    createdAt: nowSeconds - 3600,
    signFrom: nowSeconds - 3600,
    verifyUntil: undefined,
    ...changes,
  }
  return { key, privateKey, publicKey }
}

/** The row of a signing key, as the keeper writes it. */
export function signingKeyItem(ring: string, key: SigningKey, changes: Attributes = {}): Attributes {
  return {
    ring: { S: ring },
    kid: { S: key.kid },
    algorithm: { S: key.algorithm },
    public_jwk: { S: JSON.stringify(key.publicJwk) },
    kms_key_arn: { S: key.kmsKeyArn },
    state: { S: key.state },
    created_at: { N: String(key.createdAt) },
    sign_from: { N: String(key.signFrom) },
    ...changes,
  }
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** An access token as the token endpoint makes it, signed with the private key at hand. */
export function accessToken(
  { key, privateKey }: { key: SigningKey; privateKey: KeyObject },
  claims: Record<string, unknown>,
): string {
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: key.kid })}.${encode(claims)}`
  const signature = derToJoseLowS(sign('sha256', Buffer.from(input), privateKey))
  return `${input}.${Buffer.from(signature ?? []).toString('base64url')}`
}

/** The claims of a token issued at a moment (epoch seconds) for ten minutes. */
export function tokenClaims(issuedAt: number, changes: Record<string, unknown> = {}) {
  return {
    iss: issuer,
    sub: 'nightly-export',
    client_id: 'nightly-export',
    aud: ordersAudience,
    scope: 'orders:read',
    iat: issuedAt,
    exp: issuedAt + 600,
    jti: 'token-0001',
    ...changes,
  }
}
