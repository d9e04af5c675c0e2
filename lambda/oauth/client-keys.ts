import {
  algorithmsOfType,
  type JwsAlgorithm,
  jwsAlgorithms,
  type PublicMembers,
  parsePublicKey,
  thumbprint,
} from './public-key.ts'

/** The algorithm of a name: RFC 9864 §2.2 gives EdDSA with Ed25519 a second one, which newer libraries use. */
export function parseAssertionAlgorithm(name: unknown): JwsAlgorithm | undefined {
  return name === 'Ed25519' ? 'EdDSA' : jwsAlgorithms.find(known => known === name)
}

/** A public key of a client, checked: strong enough, well-formed, and for this one algorithm. */
export interface ClientKey {
  /** Undefined only where it is the client's sole key. */
  readonly kid: string | undefined
  readonly algorithm: JwsAlgorithm
  readonly jwk: PublicMembers
}

export const maxClientKeys = 10

/** RFC 7518 §6.2.2, §6.3.2 and §6.4.1. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * Parses the keys of a client (RFC 7517 §5). One bad key spoils the set: what is wrong in it is better said than
 * skipped. Members that are not known mean nothing; in particular, no URL in a key is ever followed.
 *
 * @param algorithm the client's; undefined = each key is for its own `alg`, and without one by its type: ES256, EdDSA, RS256
 * @returns the keys, or what is wrong in words of ours: nothing of the input is in them but the number of a key, from 1
 */
export function parseClientJwks(
  value: unknown,
  algorithm: JwsAlgorithm | undefined,
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

function parseClientKey(value: unknown, registered: JwsAlgorithm | undefined): ClientKey | string {
  if (!isObject(value)) return 'is not an object'
  const { kty, kid, alg } = value
  if (kty === 'oct') return 'is a symmetric key: register a public key'
  if (privateMembers.some(name => Object.hasOwn(value, name))) {
    return 'has private members: register the public key only'
  }
  const suitable = algorithmsOfType(kty)
  if (suitable === undefined) return 'has another kty than EC, OKP or RSA'
  if (kid !== undefined && !isKeyId(kid)) return 'has a kid that is not 1 to 128 of A-Z a-z 0-9 . _ ~ : = -'
  const purpose = purposeProblem(value)
  if (purpose !== undefined) return purpose

  const named = suitable.find(each => each === parseAssertionAlgorithm(alg))
  if (alg !== undefined && named === undefined) return `has another alg than ${suitable.join(' or ')}`
  const algorithm = named ?? suitable.find(each => each === registered) ?? suitable[0]
  if (algorithm === undefined || (registered !== undefined && algorithm !== registered)) {
    return `is not for ${registered}, the algorithm of the client`
  }
  const key = parsePublicKey(value)
  return typeof key === 'string' ? key : { kid, algorithm, jwk: key.jwk }
}

/** RFC 7517 §4.2 and §4.3: a key that says what it is for must be for verifying signatures. */
function purposeProblem({ use, key_ops: operations }: Record<string, unknown>): string | undefined {
  if (use !== undefined && use !== 'sig') return 'has another use than sig'
  if (operations === undefined) return undefined
  if (!Array.isArray(operations) || !operations.includes('verify')) return 'has key_ops without verify'
  return new Set(operations).size === operations.length ? undefined : 'has key_ops that repeat one'
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
