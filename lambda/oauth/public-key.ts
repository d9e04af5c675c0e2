import { createHash, createPublicKey } from 'node:crypto'
import { isEd25519Key, isP256Point } from './curve-points.ts'
import { modulusProblem } from './rsa-modulus.ts'

/** The signature algorithms that are known here, for access tokens and client assertions (RFC 7518 §3.1, RFC 8037 §3.1). */
export const jwsAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

/** A signature algorithm by its JOSE name: ES256, RS256, PS256 or EdDSA. */
export type JwsAlgorithm = (typeof jwsAlgorithms)[number]

/** The public members of a JWK alone, in the order that a thumbprint has them (RFC 7638 §3.2): `crv`, `kty`, `x`, `y`. */
export type PublicMembers = Readonly<Record<string, string>>

/** A public key that is strong enough and well-formed. */
export interface PublicKey {
  /** What a key of this type can be for, the first where nobody says. */
  readonly algorithms: readonly JwsAlgorithm[]
  readonly jwk: PublicMembers
}

interface KeyType {
  readonly algorithms: readonly JwsAlgorithm[]
  readonly parse: (jwk: Readonly<Record<string, unknown>>) => PublicMembers | string
}

const keyTypes: ReadonlyMap<unknown, KeyType> = new Map([
  ['EC', { algorithms: ['ES256'], parse: parseEc }],
  ['OKP', { algorithms: ['EdDSA'], parse: parseOkp }],
  ['RSA', { algorithms: ['RS256', 'PS256'], parse: parseRsa }],
])

/** What keys of this type are for; undefined where the type is not known. */
export function algorithmsOfType(kty: unknown): readonly JwsAlgorithm[] | undefined {
  return keyTypes.get(kty)?.algorithms
}

const notCanonical = 'has members that are not canonical base64url without padding'

/**
 * Parses the public members of a JWK (RFC 7518 §6, RFC 8037 §2); the others are not looked at.
 *
 * @returns what is wrong with it where it cannot be used, with nothing of the input in it
 */
export function parsePublicKey(jwk: Readonly<Record<string, unknown>>): PublicKey | string {
  const type = keyTypes.get(jwk.kty)
  if (type === undefined) return 'has another kty than EC, OKP or RSA'
  const members = type.parse(jwk)
  if (typeof members === 'string') return members
  return isUsable(members)
    ? { algorithms: type.algorithms, jwk: members }
    : 'is not a public key that can be used'
}

/** The JWK thumbprint of a key with SHA-256, in base64url (RFC 7638). */
export function thumbprint({ jwk }: Pick<PublicKey, 'jwk'>): string {
  return createHash('sha256').update(JSON.stringify(jwk)).digest('base64url')
}

function parseEc({ crv, x, y }: Record<string, unknown>): PublicMembers | string {
  if (crv !== 'P-256') return 'has another crv than P-256'
  const xOctets = decode(x)
  const yOctets = decode(y)
  if (xOctets === undefined || yOctets === undefined) return notCanonical
  if (xOctets.length !== 32 || yOctets.length !== 32) return 'has coordinates that are not 32 octets long'
  if (!isP256Point(xOctets, yOctets)) return 'is not a point of its curve'
  return { crv, kty: 'EC', x: base64url(xOctets), y: base64url(yOctets) }
}

function parseOkp({ crv, x }: Record<string, unknown>): PublicMembers | string {
  if (crv !== 'Ed25519') return 'has another crv than Ed25519'
  const octets = decode(x)
  if (octets === undefined) return notCanonical
  if (octets.length !== 32) return 'has an x that is not 32 octets long'
  if (!isEd25519Key(octets)) return 'is not a point of its curve, or one of small order'
  return { crv, kty: 'OKP', x: base64url(octets) }
}

function parseRsa({ n, e }: Record<string, unknown>): PublicMembers | string {
  const modulus = decode(n)
  if (modulus === undefined || decode(e) === undefined) return notCanonical
  if (e !== 'AQAB') return 'has another RSA exponent than 65537'
  // RFC 7518 §6.3.1.1: no leading zero octets.
  if (modulus[0] === 0) return 'has an RSA modulus with a leading zero'
  return modulusProblem(modulus) ?? { e, kty: 'RSA', n: base64url(modulus) }
}

/** What Node makes of it in the end decides. */
function isUsable(jwk: PublicMembers): boolean {
  try {
    createPublicKey({ key: jwk, format: 'jwk' })
    return true
  } catch {
    return false
  }
}

/** The octets of a member, where it has them in the one spelling there is (RFC 7515 §2, RFC 4648 §3.5). */
function decode(member: unknown): Buffer | undefined {
  if (typeof member !== 'string' || member === '') return undefined
  const octets = Buffer.from(member, 'base64url')
  return base64url(octets) === member ? octets : undefined
}

function base64url(octets: Buffer): string {
  return octets.toString('base64url')
}
