import {
  type AttributeValue,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb'
import { isP256Point } from '../oauth/curve-points.ts'
import type { PublicJwk, SigningKey, SigningKeyState } from '../oauth/signing-key.ts'
import { isKeyId } from '../oauth/signing-key.ts'
import { MalformedRecord, Unavailable } from '../oauth/unavailable.ts'
import { deadline } from './aws-clients.ts'
import { Item } from './item.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** The `SigningKeys` table: one partition a ring, one item a key. */
export class SigningKeysTable {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #ring: string
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, ring: string, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#ring = ring
    this.#records = records
  }

  /**
   * Reads the whole ring, strongly consistent. A key that cannot be trusted is reported, and the ring is then not taken
   * at all: nobody knows what else was changed. @throws Unavailable
   */
  async read(): Promise<readonly SigningKey[]> {
    const keys = (await this.#items()).map(item => this.#parse(item))
    const coordinates = new Set<string>()
    for (const { kid, publicJwk } of keys) {
      if (coordinates.has(publicJwk.x)) this.#refuse(kid, 'is the key of another identifier')
      coordinates.add(publicJwk.x)
    }
    return keys
  }

  async #items(): Promise<readonly Record<string, AttributeValue>[]> {
    const query = new QueryCommand({
      TableName: this.#tableName,
      KeyConditionExpression: 'ring = :ring',
      ExpressionAttributeValues: { ':ring': { S: this.#ring } },
      ConsistentRead: true,
    })
    const { Items = [] } = await call('store', () => this.#client.send(query, deadline()), this.#records)
    return Items
  }

  #parse(attributes: Record<string, AttributeValue>): SigningKey {
    try {
      return parseSigningKey(new Item(attributes))
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
      return this.#refuse(attributes.kid?.S ?? '?', error.message)
    }
  }

  #refuse(kid: string, problem: string): never {
    this.#records.malformedRecord('SigningKeys', kid, problem)
    throw new Unavailable('store')
  }

  /** Whether the ring has any key at all, readable or not. @throws Unavailable */
  async isEmpty(): Promise<boolean> {
    return (await this.#items()).length === 0
  }

  /** Adds a key. Repeating it is safe. @throws Unavailable */
  async put(key: SigningKey): Promise<void> {
    const put = new PutItemCommand({
      TableName: this.#tableName,
      Item: {
        ring: { S: this.#ring },
        kid: { S: key.kid },
        algorithm: { S: key.algorithm },
        public_jwk: { S: JSON.stringify(key.publicJwk) },
        kms_key_arn: { S: key.kmsKeyArn },
        state: { S: key.state },
        created_at: { N: String(key.createdAt) },
        sign_from: { N: String(key.signFrom) },
        ...(key.verifyUntil === undefined ? {} : { verify_until: { N: String(key.verifyUntil) } }),
      },
    })
    await call('store', () => this.#client.send(put, deadline()), this.#records)
  }
}

function parseSigningKey(item: Item): SigningKey {
  const kid = item.string('kid')
  if (!isKeyId(kid)) throw new MalformedRecord('attribute kid is not a key identifier')
  if (item.string('algorithm') !== 'ES256') throw new MalformedRecord('attribute algorithm is not supported')
  return {
    kid,
    algorithm: 'ES256',
    publicJwk: parsePublicJwk(item.string('public_jwk'), kid),
    kmsKeyArn: item.string('kms_key_arn'),
    state: parseState(item.string('state')),
    createdAt: item.number('created_at'),
    signFrom: item.number('sign_from'),
    verifyUntil: item.optionalNumber('verify_until'),
  }
}

function parseState(state: string): SigningKeyState {
  if (state === 'standby' || state === 'active' || state === 'retiring' || state === 'revoked') return state
  throw new MalformedRecord('attribute state is not known')
}

/** Exactly the members that were written: what else a row says of its key, its JWKS would not say. */
function parsePublicJwk(json: string, kid: string): PublicJwk {
  const { kty, crv, x, y, kid: name, alg, use, ...others } = parseObject(json)
  if (kty !== 'EC' || crv !== 'P-256') throw new MalformedRecord('attribute public_jwk is not a P-256 key')
  const [xOctets, yOctets] = [coordinate(x), coordinate(y)]
  if (name !== kid || alg !== 'ES256' || use !== 'sig' || Object.keys(others).length > 0) {
    throw new MalformedRecord('attribute public_jwk has other members than a published key')
  }
  if (!isP256Point(xOctets, yOctets))
    throw new MalformedRecord('attribute public_jwk is not a point of P-256')
  return { kty, crv, x: xOctets.toString('base64url'), y: yOctets.toString('base64url'), kid, alg, use }
}

/** 32 octets in their one spelling (RFC 7518 §6.2.1.2). */
function coordinate(text: unknown): Buffer {
  const octets = Buffer.from(typeof text === 'string' ? text : '', 'base64url')
  if (octets.length === 32 && octets.toString('base64url') === text) return octets
  throw new MalformedRecord('attribute public_jwk has no coordinates')
}

function parseObject(json: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(json)) as Record<string, unknown>
  } catch {
    throw new MalformedRecord('attribute public_jwk is not JSON')
  }
}
