import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'

/** What a client may sign its assertions with (RFC 7518 §3.1, RFC 8037 §3.1). */
export const assertionAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
export type AssertionAlgorithm = (typeof assertionAlgorithms)[number]

/** A key of that type (`kty`) is for these, the first where the key does not say (RFC 8725 §3.1: for one only). */
const algorithmsOfType: Readonly<Record<string, readonly AssertionAlgorithm[]>> = {
  EC: ['ES256'],
  OKP: ['EdDSA'],
  RSA: ['RS256', 'PS256'],
}

/** The algorithms that a key can be for: its own `alg` where it has one; none when that does not suit its type. */
export function algorithmsOf({ kty, alg }: JsonWebKey): readonly AssertionAlgorithm[] {
  const suitable = Object.hasOwn(algorithmsOfType, String(kty)) ? (algorithmsOfType[String(kty)] ?? []) : []
  return alg === undefined ? suitable : suitable.filter(each => each === alg)
}

export interface KeyPair {
  publicJwk: JsonWebKey
  privateJwk: JsonWebKey
}

/** A new key pair as JWKs, both with `alg` and with their thumbprint as `kid`. */
export function generateKeyPair(algorithm: AssertionAlgorithm): KeyPair {
  // Copies: the objects of a pair share a lock, and Node 20 can wait for it for ever where one is exported as a JWK.
  const pair = makeKeys(algorithm)
  const spki = { type: 'spki', format: 'der' } as const
  const pkcs8 = { type: 'pkcs8', format: 'der' } as const
  const publicKey = createPublicKey({ key: pair.publicKey.export(spki), ...spki })
  const privateKey = createPrivateKey({ key: pair.privateKey.export(pkcs8), ...pkcs8 })
  const publicJwk = publicKey.export({ format: 'jwk' })
  const names = { kid: thumbprint(publicJwk), alg: algorithm }
  return {
    publicJwk: { ...publicJwk, ...names, use: 'sig' },
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...names },
  }
}

function makeKeys(algorithm: AssertionAlgorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (algorithm) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'EdDSA':
      return generateKeyPairSync('ed25519')
    default:
      // As strong as the others: 128 bits (NIST SP 800-57 part 1, table 2).
      return generateKeyPairSync('rsa', { modulusLength: 3072 })
  }
}

/** The members that a thumbprint is made of, in their order (RFC 7638 §3.2, RFC 8037 §2). */
const thumbprintMembers: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** The JWK thumbprint of a key with SHA-256, in base64url (RFC 7638). */
export function thumbprint(jwk: JsonWebKey): string {
  const members = (thumbprintMembers[String(jwk.kty)] ?? []).map(name => [name, jwk[name]])
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url')
}
