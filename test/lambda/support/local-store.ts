import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AttributeValue,
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { startDynamoDb } from '../../../local/dynamodb/engine.ts'
import { localCredentials } from '../../../local/local-credentials.ts'

export const region = 'us-east-1'
export const accountId = '000000000000'

export type Attributes = Record<string, AttributeValue>

/** A client of a local DynamoDB: the SDK's own settings but for two attempts, as the functions have. */
export function storeClient(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({ endpoint, region, credentials: localCredentials, maxAttempts: 2 })
}

const key = (name: string, type: 'S' | 'N') => ({ AttributeName: name, AttributeType: type })

const schemas = {
  Clients: {
    AttributeDefinitions: [key('client_id', 'S')],
    KeySchema: [{ AttributeName: 'client_id', KeyType: 'HASH' }],
  },
  Revocations: {
    AttributeDefinitions: [key('shard', 'S'), key('subject', 'S'), key('revoked_at', 'N')],
    KeySchema: [
      { AttributeName: 'shard', KeyType: 'HASH' },
      { AttributeName: 'subject', KeyType: 'RANGE' },
    ],
    LocalSecondaryIndexes: [
      {
        IndexName: 'by_revoked_at',
        KeySchema: [
          { AttributeName: 'shard', KeyType: 'HASH' },
          { AttributeName: 'revoked_at', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  },
  ResourceServers: {
    AttributeDefinitions: [key('audience', 'S')],
    KeySchema: [{ AttributeName: 'audience', KeyType: 'HASH' }],
  },
  SigningKeys: {
    AttributeDefinitions: [key('ring', 'S'), key('kid', 'S')],
    KeySchema: [
      { AttributeName: 'ring', KeyType: 'HASH' },
      { AttributeName: 'kid', KeyType: 'RANGE' },
    ],
  },
  SingleUse: {
    AttributeDefinitions: [key('id', 'S')],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  },
} satisfies Record<string, Omit<CreateTableCommandInput, 'TableName'>>

export type TableName = keyof typeof schemas

/** A local DynamoDB of the caller's own with the five tables, named as in `schemas`, all empty. */
export async function startLocalStore() {
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-lambda-'))
  const engine = await startDynamoDb({ dataDir })
  const client = storeClient(engine.url)
  const tables = Object.entries(schemas).map(([TableName, schema]) =>
    client.send(new CreateTableCommand({ TableName, ...schema, BillingMode: 'PAY_PER_REQUEST' })),
  )
  await Promise.all(tables)
  return {
    url: engine.url,
    client,
    async put(TableName: TableName, Item: Attributes): Promise<void> {
      await client.send(new PutItemCommand({ TableName, Item }))
    },
    async get(TableName: TableName, Key: Attributes): Promise<Attributes | undefined> {
      return (await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item
    },
    async close(): Promise<void> {
      client.destroy()
      await engine.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export type LocalStore = Awaited<ReturnType<typeof startLocalStore>>
