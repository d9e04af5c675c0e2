import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { ClientKey } from '../../../../lambda/oauth/client-keys.ts'
import type { JwsAlgorithm } from '../../../../lambda/oauth/public-key.ts'
import { clientId, encode, issuer, nowSeconds } from './token-maker.ts'

const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  EdDSA: generateKeyPairSync('ed25519'),
} satisfies Record<JwsAlgorithm, { publicKey: KeyObject; privateKey: KeyObject }>

export const algorithms = Object.keys(pairs) as JwsAlgorithm[]

export function clientKey(algorithm: JwsAlgorithm, kid: string | undefined = 'k1'): ClientKey {
  const jwk = pairs[algorithm].publicKey.export({ format: 'jwk' }) as Record<string, string>
  return { kid, algorithm, jwk }
}

export function signInput(algorithm: JwsAlgorithm, input: string): Buffer {
  const key = pairs[algorithm].privateKey
  const bytes = Buffer.from(input)
  if (algorithm === 'EdDSA') return sign(undefined, bytes, key)
  if (algorithm === 'ES256') return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
  if (algorithm === 'RS256') return sign('sha256', bytes, key)
  return sign('sha256', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
}

export const assertionClaims = {
  iss: clientId,
  sub: clientId,
  aud: issuer,
  exp: nowSeconds + 60,
  jti: 'assertion-1',
}

export function assertionOf(headerText: string, payloadText: string, algorithm: JwsAlgorithm = 'ES256') {
  const input = `${encode(headerText)}.${encode(payloadText)}`
  return `${input}.${signInput(algorithm, input).toString('base64url')}`
}

/** An honest assertion, but for these members; `undefined` leaves one out. */
export function makeAssertion(
  changes: object = {},
  header: object = {},
  algorithm: JwsAlgorithm = 'ES256',
): string {
  const headerText = JSON.stringify({ alg: algorithm, typ: 'JWT', kid: 'k1', ...header })
  return assertionOf(headerText, JSON.stringify({ ...assertionClaims, ...changes }), algorithm)
}
