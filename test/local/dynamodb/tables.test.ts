import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BatchGetItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StackResource, StackTemplate } from '../../../local/cloud-assembly.ts'
import { type DynamoDb, startDynamoDb } from '../../../local/dynamodb/engine.ts'
import { engineNames, findProgram } from '../../../local/dynamodb/programs.ts'
import { createTables } from '../../../local/dynamodb/tables.ts'
import { Intrinsics } from '../../../local/intrinsics.ts'

const region = 'us-east-1'
const resource = (type: string, id: string, properties: object): StackResource => ({
  logicalId: `AuthorizationServer${id}0A1B2C3D`,
  type,
  properties: { ...properties },
  path: `AuthorizationServer/${id}`,
  dependsOn: [],
})

/** As TableV2 synthesises the revocations table. */
const revocations = resource('AWS::DynamoDB::GlobalTable', 'Revocations', {
  AttributeDefinitions: [
    { AttributeName: 'shard', AttributeType: 'S' },
    { AttributeName: 'subject', AttributeType: 'S' },
    { AttributeName: 'revoked_at', AttributeType: 'N' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
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
  Replicas: [
    {
      Region: { Ref: 'AWS::Region' },
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    },
  ],
  SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
  TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
})

const singleUse = resource('AWS::DynamoDB::Table', 'SingleUse', {
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  BillingMode: 'PAY_PER_REQUEST',
})

function stackOf(...resources: StackResource[]): StackTemplate {
  const empty = { parameters: {}, outputs: {}, conditions: {}, assets: new Map() }
  return { stackName: 'Countersign', directory: '/', resources, ...empty }
}

function intrinsics() {
  return new Intrinsics({ accountId: '000000000000', region, stackName: 'Countersign' })
}

function changed(base: StackResource, properties: object): StackResource {
  return { ...base, properties: { ...base.properties, ...properties } }
}

for (const engine of engineNames) {
  const isHere = (await findProgram(engine)) !== undefined
  const title = isHere ? engine : `${engine} (skipped: this machine cannot run it)`

  describe.skipIf(!isHere)(`tables on ${title}`, () => {
    let dataDir: string
    let dynamoDb: DynamoDb
    let client: DynamoDBClient

    beforeAll(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'countersign-tables-'))
      dynamoDb = await startDynamoDb({ dataDir, endpoint: '', engine })
      const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
      client = new DynamoDBClient({ endpoint: dynamoDb.url, region, credentials })
    })
    afterAll(async () => {
      client?.destroy()
      await dynamoDb?.close()
      await rm(dataDir, { recursive: true, force: true })
    })

    /** Creates the tables under a stack name that no other test uses. */
    const create = async (stackName: string, ...resources: StackResource[]) =>
      createTables(dynamoDb.url, { ...stackOf(...resources), stackName }, intrinsics(), region)

    it('are created as the template says, and answer Ref and Fn::GetAtt', async () => {
      const defined = intrinsics()
      const tables = await createTables(dynamoDb.url, stackOf(revocations, singleUse), defined, region)
      const name = 'Countersign-AuthorizationServerRevocations0A1B2C3D'
      expect(tables).toEqual({
        Revocations: name,
        SingleUse: 'Countersign-AuthorizationServerSingleUse0A1B2C3D',
      })
      expect(defined.resolve({ Ref: revocations.logicalId })).toBe(name)
      expect(defined.resolve({ 'Fn::GetAtt': [revocations.logicalId, 'Arn'] })).toBe(
        `arn:aws:dynamodb:us-east-1:000000000000:table/${name}`,
      )
      const { Table } = await client.send(new DescribeTableCommand({ TableName: name }))
      expect(Table?.KeySchema).toEqual(revocations.properties.KeySchema)
      expect(Table?.LocalSecondaryIndexes?.map(index => [index.IndexName, index.Projection])).toEqual([
        ['by_revoked_at', { ProjectionType: 'ALL' }],
      ])
      const timeToLive = await client.send(new DescribeTimeToLiveCommand({ TableName: name }))
      expect(timeToLive.TimeToLiveDescription).toEqual({
        AttributeName: 'expires_at',
        TimeToLiveStatus: 'ENABLED',
      })
    })

    it('keep their rows when they are created again', async () => {
      const { SingleUse: TableName } = await create('Again', singleUse)
      await client.send(new PutItemCommand({ TableName, Item: { id: { S: 'kept' } } }))
      await create('Again', singleUse)
      const read = await client.send(new QueryCommand(byId(TableName, 'kept')))
      expect(read.Items).toEqual([{ id: { S: 'kept' } }])
    })

    it('cannot be deleted while they are protected, and can once the template says so', async () => {
      const { Revocations: TableName } = await create('Protected', revocations)
      const refused = client.send(new DeleteTableCommand({ TableName }))
      await expect(refused).rejects.toMatchObject({ name: 'ValidationException' })
      await create('Protected', changed(revocations, { Replicas: [{ Region: region }] }))
      await client.send(new DeleteTableCommand({ TableName }))
    })

    it('refuse another key schema than the one they were created with', async () => {
      await create('Changed', singleUse)
      const other = changed(singleUse, {
        AttributeDefinitions: [{ AttributeName: 'key', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'key', KeyType: 'HASH' }],
      })
      await expect(create('Changed', other)).rejects.toThrow(
        "table Changed-AuthorizationServerSingleUse0A1B2C3D exists with other keys or indexes than the template's",
      )
    })

    it('take a change of the time to live', async () => {
      const { SingleUse: TableName } = await create('Expiry', singleUse)
      const statusOf = async () =>
        (await client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription
          ?.TimeToLiveStatus
      expect(await statusOf()).toBe('DISABLED')
      const TimeToLiveSpecification = { AttributeName: 'expires_at', Enabled: true }
      await create('Expiry', changed(singleUse, { TimeToLiveSpecification }))
      expect(await statusOf()).toBe('ENABLED')
    })

    it('read a local secondary index consistently: what was just written is there, in its order', async () => {
      const { Revocations: TableName } = await create('Index', revocations)
      const write = (subject: string, revokedAt: number) =>
        client.send(
          new PutItemCommand({
            TableName,
            Item: { shard: { S: '0' }, subject: { S: subject }, revoked_at: { N: String(revokedAt) } },
          }),
        )
      for (let round = 0; round < 50; round++) {
        await write(`jti#${99 - round}`, 1000 + round)
        const { Items } = await client.send(
          new QueryCommand({
            TableName,
            IndexName: 'by_revoked_at',
            ConsistentRead: true,
            // `shard` is a reserved word.
            KeyConditionExpression: '#shard = :shard AND revoked_at >= :since',
            ExpressionAttributeNames: { '#shard': 'shard' },
            ExpressionAttributeValues: { ':shard': { S: '0' }, ':since': { N: '1000' } },
          }),
        )
        expect(Items?.length).toBe(round + 1)
        expect(Items?.at(-1)?.subject).toEqual({ S: `jti#${99 - round}` })
      }
    })

    it('answer a failed condition with the row as it is (ALL_OLD)', async () => {
      const { SingleUse: TableName } = await create('Condition', singleUse)
      const Item = { id: { S: 'claimed' }, by: { S: 'first' } }
      await client.send(new PutItemCommand({ TableName, Item }))
      const refused = client.send(
        new UpdateItemCommand({
          TableName,
          Key: { id: { S: 'claimed' } },
          UpdateExpression: 'SET #by = :me',
          ConditionExpression: 'attribute_not_exists(id) OR #by = :me',
          ExpressionAttributeNames: { '#by': 'by' },
          ExpressionAttributeValues: { ':me': { S: 'second' } },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      )
      await expect(refused).rejects.toMatchObject({ name: 'ConditionalCheckFailedException', Item })
    })

    it('read many rows consistently in one request', async () => {
      const { SingleUse: TableName = '' } = await create('Batch', singleUse)
      const ids = Array.from({ length: 20 }, (_, index) => ({ id: { S: `row ${index}` } }))
      await Promise.all(ids.map(Item => client.send(new PutItemCommand({ TableName, Item }))))
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetItemCommand({
          RequestItems: { [TableName]: { Keys: [...ids, { id: { S: 'none' } }], ConsistentRead: true } },
        }),
      )
      expect(Responses?.[TableName]?.length).toBe(20)
      expect(UnprocessedKeys).toEqual({})
    })

    it('keep every acknowledged row when the engine is killed', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'countersign-killed-'))
      const killed = await startDynamoDb({ dataDir: folder, endpoint: '', engine })
      const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
      const writer = new DynamoDBClient({ endpoint: killed.url, region, credentials, maxAttempts: 1 })
      const { SingleUse: TableName } = await createTables(
        killed.url,
        stackOf(singleUse),
        intrinsics(),
        region,
      )
      for (let row = 0; row < 20; row++) {
        await writer.send(new PutItemCommand({ TableName, Item: { id: { S: `row ${row}` } } }))
      }
      process.kill(killed.pid ?? 0, 'SIGKILL')
      await killed.close()
      writer.destroy()

      const again = await startDynamoDb({ dataDir: folder, endpoint: '', engine })
      const reader = new DynamoDBClient({ endpoint: again.url, region, credentials })
      for (let row = 0; row < 20; row++) {
        expect((await reader.send(new QueryCommand(byId(TableName, `row ${row}`)))).Count).toBe(1)
      }
      reader.destroy()
      await again.close()
      await rm(folder, { recursive: true })
      // Two starts of a Java runtime, where it is one.
    }, 60_000)
  })
}

function byId(TableName: string | undefined, id: string) {
  return {
    TableName,
    ConsistentRead: true,
    KeyConditionExpression: 'id = :id',
    ExpressionAttributeValues: { ':id': { S: id } },
  }
}

describe('a table that the local run does not fully know', () => {
  const create = (table: StackResource) =>
    createTables('http://127.0.0.1:9', stackOf(table), intrinsics(), region)

  it.each([
    [
      changed(revocations, { StreamSpecification: { StreamViewType: 'NEW_IMAGE' } }),
      'AWS::DynamoDB::GlobalTable AuthorizationServer/Revocations: the local run knows streams of the view type KEYS_ONLY alone',
    ],
    [
      changed(revocations, { Replicas: [{ Region: region, ResourcePolicy: {} }] }),
      'AWS::DynamoDB::GlobalTable AuthorizationServer/Revocations: the local run does not know the property Replicas.ResourcePolicy',
    ],
    [
      changed(revocations, { Replicas: [{ Region: 'eu-west-1' }] }),
      'AWS::DynamoDB::GlobalTable AuthorizationServer/Revocations has no replica in us-east-1',
    ],
    [
      changed(singleUse, { ImportSourceSpecification: {} }),
      'AWS::DynamoDB::Table AuthorizationServer/SingleUse: the local run does not know the property ImportSourceSpecification',
    ],
  ])('is an error that names what it is (%#)', async (table, message) => {
    await expect(create(table)).rejects.toThrow(message)
  })

  it('does not exist where its condition does not hold', async () => {
    const conditional = intrinsics()
    conditional.defineConditions({ Never: { 'Fn::Equals': ['a', 'b'] } })
    const stack = stackOf({ ...singleUse, condition: 'Never' })
    expect(await createTables('http://127.0.0.1:9', stack, conditional, region)).toEqual({})
  })
})
