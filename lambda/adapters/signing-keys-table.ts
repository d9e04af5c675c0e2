import { createPublicKey } from 'node:crypto'
import {
  type AttributeValue,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb'
import type { PublicJwk, SigningKey, SigningKeyState } from '../oauth/signing-key.ts'
import { isKeyId } from '../oauth/signing-key.ts'
import { MalformedRecord } from '../oauth/unavailable.ts'
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

  /** Reads the whole ring, strongly consistent. A malformed key is left out and reported. @throws Unavailable */
  async read(): Promise<readonly SigningKey[]> {
    return (await this.#items()).flatMap(item => this.#parse(item))
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

  #parse(attributes: Record<string, AttributeValue>): SigningKey[] {
    try {
      return [parseSigningKey(new Item(attributes))]
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
      this.#records.malformedRecord('SigningKeys', attributes.kid?.S ?? '?', error.message)
      return []
    }
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

/** Takes the public members and no others, so that nothing else can ever reach the JWKS. */
function parsePublicJwk(json: string, kid: string): PublicJwk {
  const { kty, crv, x, y } = parseObject(json)
  const coordinate = /^[A-Za-z0-9_-]{43}$/
  if (kty !== 'EC' || crv !== 'P-256') throw new MalformedRecord('attribute public_jwk is not a P-256 key')
  if (typeof x !== 'string' || typeof y !== 'string' || !coordinate.test(x) || !coordinate.test(y)) {
    throw new MalformedRecord('attribute public_jwk has no coordinates')
  }
  const jwk = { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } as const
  if (!isOnCurve(jwk)) throw new MalformedRecord('attribute public_jwk is not a point of P-256')
  return jwk
}

function isOnCurve(jwk: PublicJwk): boolean {
  try {
    createPublicKey({ key: { ...jwk }, format: 'jwk' })
    return true
  } catch {
    return false
  }
}

function parseObject(json: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(json)) as Record<string, unknown>
  } catch {
    throw new MalformedRecord('attribute public_jwk is not JSON')
  }
}
