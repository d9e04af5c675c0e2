import { randomUUID } from 'node:crypto'
import {
  type AttributeValue,
  BatchGetItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb'
import type { ResourceServerStore } from '../oauth/administration/resource-server-administration.ts'
import {
  type ResourceServerRecord,
  toResourceServer,
} from '../oauth/administration/resource-server-record.ts'
import type { ResourceServer } from '../oauth/resource-server.ts'
import { isScopeToken } from '../oauth/scope.ts'
import { MalformedRecord, Unavailable } from '../oauth/unavailable.ts'
import { deadline, sendWhole } from './aws-clients.ts'
import { parseLifetime } from './clients-table.ts'
import { Item } from './item.ts'
import type { Records } from './records.ts'
import { call, conditionFailed } from './store-call.ts'

type Attributes = Record<string, AttributeValue>

export interface ResourceServerPage {
  readonly resourceServers: readonly ResourceServerRecord[]
  /** The audience after which the next page starts; undefined = this was the last. */
  readonly next: string | undefined
}

/** The `ResourceServers` table: one item an audience, changed by conditional single-item writes. */
export class ResourceServersTable implements ResourceServerStore {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#records = records
  }

  /** As the token endpoint needs it, strongly consistent; a record that cannot be trusted is none. @throws Unavailable */
  async find(audience: string): Promise<ResourceServer | undefined> {
    const record = await this.read(audience)
    return record === undefined ? undefined : toResourceServer(record)
  }

  read: ResourceServerStore['read'] = async audience => {
    const get = new GetItemCommand({ TableName: this.#tableName, Key: key(audience), ConsistentRead: true })
    const { Item: attributes } = await call('store', () => this.#client.send(get, deadline()), this.#records)
    return attributes === undefined ? undefined : this.#parseOrReport(attributes)[0]
  }

  /** At most 100 audiences; those that are not registered are missing. */
  readAll: ResourceServerStore['readAll'] = async audiences => {
    if (audiences.length === 0) return []
    const Keys = [...new Set(audiences)].map(key)
    const get = new BatchGetItemCommand({
      RequestItems: { [this.#tableName]: { Keys, ConsistentRead: true } },
    })
    const { Responses } = await call('store', () => sendWhole(this.#client, get), this.#records)
    return (Responses?.[this.#tableName] ?? []).flatMap(attributes => this.#parseOrReport(attributes))
  }

  async list(limit: number, after: string | undefined): Promise<ResourceServerPage> {
    const scan = new ScanCommand({
      TableName: this.#tableName,
      ConsistentRead: true,
      Limit: limit,
      ...(after === undefined ? {} : { ExclusiveStartKey: key(after) }),
    })
    const page = await call('store', () => this.#client.send(scan, deadline()), this.#records)
    const resourceServers = (page.Items ?? []).flatMap(attributes => this.#parseOrReport(attributes))
    return { resourceServers, next: page.LastEvaluatedKey?.audience?.S }
  }

  /** Every one, page after page. @throws Unavailable */
  async *everyResourceServer(): AsyncGenerator<ResourceServerRecord> {
    let next: string | undefined
    do {
      const page = await this.list(100, next)
      yield* page.resourceServers
      next = page.next
    } while (next !== undefined)
  }

  write: ResourceServerStore['write'] = async (record, previousVersion) => {
    const writeId = randomUUID()
    const put = new PutItemCommand({
      TableName: this.#tableName,
      Item: { ...attributesOf(record), write_id: { S: writeId } },
      ConditionExpression: `${previousVersion === undefined ? 'attribute_not_exists(audience)' : '#version = :previous'} OR write_id = :write_id`,
      ExpressionAttributeValues: {
        ':write_id': { S: writeId },
        ...(previousVersion === undefined ? {} : { ':previous': { N: String(previousVersion) } }),
      },
      ...(previousVersion === undefined ? {} : { ExpressionAttributeNames: { '#version': 'version' } }),
    })
    return this.#unlessChanged(() => this.#client.send(put, deadline()))
  }

  remove: ResourceServerStore['remove'] = async (audience, version) => {
    const remove = new DeleteItemCommand({
      TableName: this.#tableName,
      Key: key(audience),
      // Gone already, perhaps by this very call, whose answer was lost.
      ConditionExpression: 'attribute_not_exists(audience) OR #version = :version',
      ExpressionAttributeNames: { '#version': 'version' },
      ExpressionAttributeValues: { ':version': { N: String(version) } },
    })
    return this.#unlessChanged(() => this.#client.send(remove, deadline()))
  }

  async #unlessChanged(write: () => Promise<unknown>): Promise<boolean> {
    try {
      await call('store', write, this.#records, conditionFailed)
      return true
    } catch (error) {
      if (error instanceof Unavailable) throw error
      return false
    }
  }

  #parseOrReport(attributes: Attributes): ResourceServerRecord[] {
    try {
      return [parseRecord(attributes)]
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
      this.#records.malformedRecord('ResourceServers', attributes.audience?.S ?? '?', error.message)
      return []
    }
  }
}

function key(audience: string): Attributes {
  return { audience: { S: audience } }
}

function attributesOf(record: ResourceServerRecord): Attributes {
  const lifetime = record.accessTokenLifetimeSeconds
  return {
    audience: { S: record.audience },
    scopes: {
      L: record.scopes.map(({ scope, description }) => ({
        M: { scope: { S: scope }, description: { S: description } },
      })),
    },
    ...(lifetime === undefined ? {} : { access_token_lifetime: { N: String(lifetime) } }),
    managed_by: { S: record.managedBy },
    version: { N: String(record.version) },
    created_at: { N: String(record.createdAt) },
    updated_at: { N: String(record.updatedAt) },
  }
}

function parseRecord(attributes: Attributes): ResourceServerRecord {
  const item = new Item(attributes)
  const managedBy = item.string('managed_by')
  if (managedBy !== 'administration' && managedBy !== 'deployment') {
    throw new MalformedRecord('attribute managed_by is not known')
  }
  return {
    audience: item.string('audience'),
    scopes: item.items('scopes').map(parseScopeItem),
    accessTokenLifetimeSeconds: parseLifetime(item),
    managedBy,
    version: item.number('version'),
    createdAt: item.number('created_at'),
    updatedAt: item.number('updated_at'),
  }
}

function parseScopeItem(item: Item): ResourceServerRecord['scopes'][number] {
  const scope = item.string('scope')
  if (!isScopeToken(scope)) throw new MalformedRecord('attribute scope is not a scope token')
  return { scope, description: item.string('description') }
}
