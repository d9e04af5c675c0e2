import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  QueryCommand,
  type QueryCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { type Revocation, revocationSubject, shardOf } from '../oauth/revocation.ts'
import type { RevocationPage } from '../oauth/revocation-load.ts'
import { MalformedRecord, Unavailable } from '../oauth/unavailable.ts'
import { deadline, sendWhole } from './aws-clients.ts'
import { Item } from './item.ts'
import type { Records } from './records.ts'
import { call, conditionFailed } from './store-call.ts'

const indexName = 'by_revoked_at'

/** The `Revocations` table: partition = shard of the subject, sort key = subject, local index by time of revocation. */
export class RevocationsTable {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #shards: number
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, shards: number, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#shards = shards
    this.#records = records
  }

  /** Reads one page of a shard, strongly consistent. A row that cannot be trusted fails the page. @throws Unavailable */
  async read(shard: string, revokedSince: number, cursor: unknown): Promise<RevocationPage> {
    const query = new QueryCommand({
      TableName: this.#tableName,
      IndexName: indexName,
      KeyConditionExpression: '#shard = :shard AND revoked_at >= :since',
      // A reserved word.
      ExpressionAttributeNames: { '#shard': 'shard' },
      ExpressionAttributeValues: {
        ':shard': { S: shard },
        ':since': { N: String(Math.max(0, revokedSince)) },
      },
      ConsistentRead: true,
      ExclusiveStartKey: cursor as Record<string, AttributeValue> | undefined,
    })
    const page = await call('store', () => this.#client.send(query, deadline()), this.#records)
    const items = this.#whole(page)
    return { revocations: items.map(item => this.#parse(item)), next: page.LastEvaluatedKey }
  }

  /** Reads the records of some subjects in one round trip, strongly consistent. @throws Unavailable */
  async lookUp(subjects: readonly string[]): Promise<readonly Revocation[]> {
    const Keys = subjects.map(subject => this.#key(subject))
    const get = new BatchGetItemCommand({
      RequestItems: { [this.#tableName]: { Keys, ConsistentRead: true } },
    })
    const { Responses } = await call('store', () => sendWhole(this.#client, get), this.#records)
    // One table was asked, by its name or its ARN: whichever of them the answer has.
    return Object.values(Responses ?? {}).flatMap(items => items.map(item => this.#parse(item)))
  }

  /** Writes a record; returns once it is durable. Never lowers one that is there; repeating is safe. @throws Unavailable */
  async write(revocation: Revocation, nowMilliseconds: number): Promise<void> {
    const upTo = 'revokedUpTo' in revocation ? revocation.revokedUpTo : undefined
    const update = new UpdateItemCommand({
      TableName: this.#tableName,
      Key: this.#key(revocationSubject(revocation)),
      UpdateExpression: `SET revoked_at = :at, expires_at = :exp${upTo === undefined ? '' : ', revoked_up_to = :upTo'}`,
      // An equal record is written again, so that its time of revocation is never older than an acknowledgement.
      ConditionExpression: `attribute_not_exists(expires_at) OR expires_at <= :exp${upTo === undefined ? '' : ' OR revoked_up_to < :upTo'}`,
      ExpressionAttributeValues: {
        ':at': { N: String(nowMilliseconds) },
        ':exp': { N: String(revocation.expiresAt) },
        ...(upTo === undefined ? {} : { ':upTo': { N: String(upTo) } }),
      },
    })
    try {
      await call('store', () => this.#client.send(update, deadline()), this.#records, conditionFailed)
    } catch (error) {
      // A record that reaches further is there already.
      if (error instanceof Unavailable) throw error
    }
  }

  /** An answer that lost its rows must not pass for an empty page. */
  #whole({ Items, Count }: QueryCommandOutput): Record<string, AttributeValue>[] {
    if (Items !== undefined && Items.length === Count) return Items
    this.#records.dependencyFailed('store', 'IncompletePage')
    throw new Unavailable('store')
  }

  #key(subject: string): Record<string, AttributeValue> {
    return { shard: { S: shardOf(subject, this.#shards) }, subject: { S: subject } }
  }

  #parse(attributes: Record<string, AttributeValue>): Revocation {
    try {
      return parseRevocation(new Item(attributes))
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
      this.#records.malformedRecord('Revocations', attributes.subject?.S ?? '?', error.message)
      throw new Unavailable('store', { cause: error })
    }
  }
}

function parseRevocation(item: Item): Revocation {
  const subject = item.string('subject')
  const expiresAt = item.number('expires_at')
  const [kind, id] = splitSubject(subject)
  if (kind === 'all' && id === '') return { kind, revokedUpTo: item.number('revoked_up_to'), expiresAt }
  if (kind === 'jti' && id !== '') return { kind, jti: id, expiresAt }
  if (kind === 'kid' && id !== '') return { kind, kid: id, expiresAt }
  if (kind === 'client' && id !== '') {
    return { kind, clientId: id, revokedUpTo: item.number('revoked_up_to'), expiresAt }
  }
  throw new MalformedRecord('attribute subject is of no known kind')
}

function splitSubject(subject: string): [string, string] {
  const hash = subject.indexOf('#')
  return hash < 0 ? [subject, ''] : [subject.slice(0, hash), subject.slice(hash + 1)]
}
