import { createHash, createPublicKey } from 'node:crypto'
import { isEd25519Key, isP256Point } from './curve-points.ts'
import { modulusProblem } from './rsa-modulus.ts'

/** What a client may sign its assertions with (RFC 7518 §3.1, RFC 8037 §3.1). */
export const assertionAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

export type AssertionAlgorithm = (typeof assertionAlgorithms)[number]

/** The algorithm of a name: RFC 9864 §2.2 gives EdDSA with Ed25519 a second one, which newer libraries use. */
export function parseAssertionAlgorithm(name: unknown): AssertionAlgorithm | undefined {
  return name === 'Ed25519' ? 'EdDSA' : assertionAlgorithms.find(known => known === name)
}

/** A public key of a client, checked: strong enough, well-formed, and for this one algorithm. */
export interface ClientKey {
  /** Undefined only where it is the client's sole key. */
  readonly kid: string | undefined
  readonly algorithm: AssertionAlgorithm
  /** The public members alone, in the order that a thumbprint has them (RFC 7638 §3.2): `crv`, `kty`, `x`, `y`. */
  readonly jwk: Readonly<Record<string, string>>
}

export const maxClientKeys = 10

type PublicMembers = Readonly<Record<string, string>>

/** What a key of one type is for, the first where nobody says; and its public members, or what is wrong with them. */
interface KeyType {
  readonly algorithms: readonly AssertionAlgorithm[]
  readonly parse: (jwk: Readonly<Record<string, unknown>>) => PublicMembers | string
}

const keyTypes: ReadonlyMap<unknown, KeyType> = new Map([
  ['EC', { algorithms: ['ES256'], parse: parseEc }],
  ['OKP', { algorithms: ['EdDSA'], parse: parseOkp }],
  ['RSA', { algorithms: ['RS256', 'PS256'], parse: parseRsa }],
])

/** RFC 7518 §6.2.2, §6.3.2 and §6.4.1. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const notCanonical = 'has members that are not canonical base64url without padding'

/**
 * Parses the keys of a client (RFC 7517 §5). One bad key spoils the set: what is wrong in it is better said than
 * skipped. Members that are not known mean nothing; in particular, no URL in a key is ever followed.
 *
 * @param algorithm the client's; undefined = each key is for its own `alg`, and without one by its type: ES256, EdDSA, RS256
 * @returns the keys, or what is wrong in words of ours: nothing of the input is in them but the number of a key, from 1
 */
export function parseClientJwks(
  value: unknown,
  algorithm: AssertionAlgorithm | undefined,
): readonly ClientKey[] | string {
  const list = isObject(value) ? value.keys : undefined
  if (!Array.isArray(list) || list.length < 1 || list.length > maxClientKeys) {
    return `jwks must be an object with a list "keys" of 1 to ${maxClientKeys} keys`
  }
  const keys: ClientKey[] = []
  for (const [index, jwk] of list.entries()) {
    const key = parseClientKey(jwk, algorithm)
    if (typeof key === 'string') return `jwks: key ${index + 1} ${key}`
    keys.push(key)
  }
  return ambiguity(keys) ?? keys
}

/** The JWK thumbprint of a key with SHA-256, in base64url (RFC 7638). */
export function thumbprint(key: Pick<ClientKey, 'jwk'>): string {
  return createHash('sha256').update(JSON.stringify(key.jwk)).digest('base64url')
}

function parseClientKey(value: unknown, registered: AssertionAlgorithm | undefined): ClientKey | string {
  if (!isObject(value)) return 'is not an object'
  const { kty, kid, alg } = value
  if (kty === 'oct') return 'is a symmetric key: register a public key'
  if (privateMembers.some(name => Object.hasOwn(value, name))) {
    return 'has private members: register the public key only'
  }
  const type = keyTypes.get(kty)
  if (type === undefined) return 'has another kty than EC, OKP or RSA'
  if (kid !== undefined && !isKeyId(kid)) return 'has a kid that is not 1 to 128 of A-Z a-z 0-9 . _ ~ : = -'
  const purpose = purposeProblem(value)
  if (purpose !== undefined) return purpose

  const named = type.algorithms.find(each => each === parseAssertionAlgorithm(alg))
  if (alg !== undefined && named === undefined) return `has another alg than ${type.algorithms.join(' or ')}`
  const algorithm = named ?? type.algorithms.find(each => each === registered) ?? type.algorithms[0]
  if (algorithm === undefined || (registered !== undefined && algorithm !== registered)) {
    return `is not for ${registered}, the algorithm of the client`
  }
  const jwk = type.parse(value)
  if (typeof jwk === 'string') return jwk
  return isUsable(jwk) ? { kid, algorithm, jwk } : 'is not a public key that can be used'
}

/** RFC 7517 §4.2 and §4.3: a key that says what it is for must be for verifying signatures. */
function purposeProblem({ use, key_ops: operations }: Record<string, unknown>): string | undefined {
  if (use !== undefined && use !== 'sig') return 'has another use than sig'
  if (operations === undefined) return undefined
  if (!Array.isArray(operations) || !operations.includes('verify')) return 'has key_ops without verify'
  return new Set(operations).size === operations.length ? undefined : 'has key_ops that repeat one'
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

/** An assertion must point at one key, so that a signature is tried with no other. */
function ambiguity(keys: readonly ClientKey[]): string | undefined {
  if (keys.length > 1 && keys.some(key => key.kid === undefined)) {
    return 'jwks: every key must have a kid where there is more than one'
  }
  const seen = new Set<string>()
  for (const [index, key] of keys.entries()) {
    const print = thumbprint(key)
    if (seen.has(`kid ${key.kid}`)) return `jwks: key ${index + 1} has the kid of a key before it`
    if (seen.has(print)) return `jwks: key ${index + 1} is a key that is there already`
    seen.add(`kid ${key.kid}`).add(print)
  }
  return undefined
}

function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && /^[A-Za-z0-9._~:=-]{1,128}$/.test(kid)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
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
