import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { type JwsAlgorithm, jwsAlgorithms, parsePublicKey } from '../oauth/public-key.ts'
import type { PendingKey } from '../oauth/ring-keeper.ts'
import { isKeyId, type PublicJwk, type SigningKey, type SigningKeyState } from '../oauth/signing-key.ts'
import { MalformedRecord } from '../oauth/unavailable.ts'
import type { Item } from './item.ts'

type Attributes = Record<string, AttributeValue>

export function isPending({ state }: Attributes): boolean {
  return state?.S === 'pending'
}

/** A row of the `SigningKeys` table, without the ring. */
export function signingKeyAttributes(key: SigningKey): Attributes {
  return {
    kid: { S: key.kid },
    algorithm: { S: key.algorithm },
    public_jwk: { S: JSON.stringify(key.publicJwk) },
    kms_key_arn: { S: key.kmsKeyArn },
    ...(key.wrappedPrivateKey === undefined ? {} : { wrapped_private_key: { B: key.wrappedPrivateKey } }),
    state: { S: key.state },
    created_at: { N: String(key.createdAt) },
    ...(key.signFrom === undefined ? {} : { sign_from: { N: String(key.signFrom) } }),
    ...(key.verifyUntil === undefined ? {} : { verify_until: { N: String(key.verifyUntil) } }),
  }
}

/** @throws MalformedRecord */
export function parseSigningKey(item: Item): SigningKey {
  const kid = parseKeyId(item)
  const algorithm = jwsAlgorithms.find(known => known === item.string('algorithm'))
  if (algorithm === undefined) throw new MalformedRecord('attribute algorithm is not supported')
  const state = parseState(item.string('state'))
  return {
    kid,
    algorithm,
    publicJwk: parsePublicJwk(item.string('public_jwk'), kid, algorithm),
    kmsKeyArn: item.string('kms_key_arn'),
    wrappedPrivateKey: item.has('wrapped_private_key') ? item.binary('wrapped_private_key') : undefined,
    state,
    createdAt: item.number('created_at'),
    signFrom: state === 'active' ? item.number('sign_from') : item.optionalNumber('sign_from'),
    verifyUntil: item.optionalNumber('verify_until'),
  }
}

/** @throws MalformedRecord */
export function parsePendingKey(item: Item): PendingKey {
  return {
    kid: parseKeyId(item),
    kmsKeyArn: item.string('kms_key_arn'),
    createdAt: item.number('created_at'),
  }
}

function parseKeyId(item: Item): string {
  const kid = item.string('kid')
  if (!isKeyId(kid)) throw new MalformedRecord('attribute kid is not a key identifier')
  return kid
}

function parseState(state: string): SigningKeyState {
  if (state === 'standby' || state === 'active' || state === 'retiring' || state === 'revoked') return state
  throw new MalformedRecord('attribute state is not known')
}

/** Exactly the members that were written: what else a row says of its key, its JWKS would not say. */
function parsePublicJwk(json: string, kid: string, algorithm: JwsAlgorithm): PublicJwk {
  const { kid: name, alg, use, ...members } = parseObject(json)
  const key = parsePublicKey(members)
  if (typeof key === 'string') throw new MalformedRecord(`attribute public_jwk ${key}`)
  const isOfRow = name === kid && alg === algorithm && use === 'sig' && key.algorithms.includes(algorithm)
  if (!isOfRow || Object.keys(members).length !== Object.keys(key.jwk).length) {
    throw new MalformedRecord('attribute public_jwk has other members than a published key')
  }
  return publicJwkOf(key.jwk, kid, algorithm)
}

/** What is published of a key (RFC 7517 §4). */
export function publicJwkOf(
  { kty = '', ...members }: Readonly<Record<string, string>>,
  kid: string,
  alg: JwsAlgorithm,
): PublicJwk {
  return { kty, ...members, kid, alg, use: 'sig' }
}

function parseObject(json: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(json)) as Record<string, unknown>
  } catch {
    throw new MalformedRecord('attribute public_jwk is not JSON')
  }
}
