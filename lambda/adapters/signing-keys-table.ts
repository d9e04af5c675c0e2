import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import type { PendingKey } from '../oauth/ring-keeper.ts'
import type { SigningKey } from '../oauth/signing-key.ts'
import { MalformedRecord, Unavailable } from '../oauth/unavailable.ts'
import { deadline } from './aws-clients.ts'
import { Item } from './item.ts'
import type { Records } from './records.ts'
import { isPending, parsePendingKey, parseSigningKey, signingKeyAttributes } from './signing-key-item.ts'
import { call, conditionFailed } from './store-call.ts'

type Attributes = Record<string, AttributeValue>

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
    return (await this.readWithPending()).keys
  }

  /** As `read`, with the keys that KMS has made and that have no public half here yet. @throws Unavailable */
  async readWithPending(): Promise<{
    readonly keys: readonly SigningKey[]
    readonly pending: readonly PendingKey[]
  }> {
    const items = await this.#items()
    const pending = items.filter(isPending).map(item => this.#parse(item, parsePendingKey))
    const keys = items.filter(item => !isPending(item)).map(item => this.#parse(item, parseSigningKey))
    const publicHalves = new Set<string>()
    for (const { kid, publicJwk } of keys) {
      const half = publicJwk.x ?? publicJwk.n ?? ''
      if (publicHalves.has(half)) this.#refuse(kid, 'is the key of another identifier')
      publicHalves.add(half)
    }
    return { keys, pending }
  }

  async #items(): Promise<readonly Attributes[]> {
    const items: Attributes[] = []
    let start: Attributes | undefined
    do {
      const query = new QueryCommand({
        TableName: this.#tableName,
        KeyConditionExpression: 'ring = :ring',
        ExpressionAttributeValues: { ':ring': { S: this.#ring } },
        ConsistentRead: true,
        ExclusiveStartKey: start,
      })
      const page = await call('store', () => this.#client.send(query, deadline()), this.#records)
      items.push(...(page.Items ?? []))
      start = page.LastEvaluatedKey
    } while (start !== undefined)
    return items
  }

  #parse<T>(attributes: Attributes, parse: (item: Item) => T): T {
    try {
      return parse(new Item(attributes))
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
      return this.#refuse(attributes.kid?.S ?? '?', error.message)
    }
  }

  #refuse(kid: string, problem: string): never {
    this.#records.malformedRecord('SigningKeys', kid, problem)
    throw new Unavailable('store')
  }

  /** Notes a key that KMS has just made, before anything else is done with it. @throws Unavailable */
  async putPending({ kid, kmsKeyArn, createdAt }: PendingKey): Promise<void> {
    await this.#put({
      kid: { S: kid },
      kms_key_arn: { S: kmsKeyArn },
      state: { S: 'pending' },
      created_at: { N: String(createdAt) },
    })
  }

  /** Adds a key, or the public half to one that is pending. Repeating it is safe. @throws Unavailable */
  async put(key: SigningKey): Promise<void> {
    await this.#put(signingKeyAttributes(key))
  }

  /** A key of this identifier that is more than pending stays as it is. */
  async #put(attributes: Attributes): Promise<void> {
    const put = new PutItemCommand({
      TableName: this.#tableName,
      Item: { ring: { S: this.#ring }, ...attributes },
      ConditionExpression: 'attribute_not_exists(kid) OR #state = :pending',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':pending': { S: 'pending' } },
    })
    await this.#write(() => this.#client.send(put, deadline()))
  }

  /** A standby key signs from a moment on, unless it is no standby key any more. @throws Unavailable */
  async activate({ kid }: Pick<SigningKey, 'kid'>, signFrom: number): Promise<void> {
    await this.#change(kid, 'active', 'sign_from', signFrom, ['standby'])
  }

  /** A key is accepted until a moment, unless its end is decided already. @throws Unavailable */
  async retire({ kid }: Pick<SigningKey, 'kid'>, verifyUntil: number): Promise<void> {
    await this.#change(kid, 'retiring', 'verify_until', verifyUntil, ['active', 'standby'])
  }

  /** No token of the key is accepted any more. @throws Unavailable */
  async revoke({ kid }: Pick<SigningKey, 'kid'>, verifyUntil: number): Promise<void> {
    await this.#change(kid, 'revoked', 'verify_until', verifyUntil, ['active', 'standby', 'retiring'])
  }

  async #change(kid: string, state: string, attribute: string, time: number, from: readonly string[]) {
    const states = Object.fromEntries(from.map((each, index) => [`:from${index}`, { S: each }]))
    const update = new UpdateItemCommand({
      TableName: this.#tableName,
      Key: { ring: { S: this.#ring }, kid: { S: kid } },
      UpdateExpression: 'SET #state = :state, #time = :time',
      ConditionExpression: `#state IN (${Object.keys(states).join(', ')})`,
      ExpressionAttributeNames: { '#state': 'state', '#time': attribute },
      ExpressionAttributeValues: { ':state': { S: state }, ':time': { N: String(time) }, ...states },
    })
    await this.#write(() => this.#client.send(update, deadline()))
  }

  /** Forgets a key that nobody needs: one whose end has come, or that was never more than pending. @throws Unavailable */
  async remove({ kid }: Pick<SigningKey, 'kid'>, nowSeconds: number): Promise<void> {
    const remove = new DeleteItemCommand({
      TableName: this.#tableName,
      Key: { ring: { S: this.#ring }, kid: { S: kid } },
      ConditionExpression: 'attribute_not_exists(kid) OR verify_until <= :now OR #state = :pending',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':now': { N: String(nowSeconds) }, ':pending': { S: 'pending' } },
    })
    await this.#write(() => this.#client.send(remove, deadline()))
  }

  /** A condition that does not hold: another keeper was here, and what it did is found by reading again. */
  async #write(send: () => Promise<unknown>): Promise<void> {
    try {
      await call('store', send, this.#records, conditionFailed)
    } catch (error) {
      if (!(error instanceof Error && error.name === conditionFailed)) throw error
    }
  }
}
