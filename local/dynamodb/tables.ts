import { isDeepStrictEqual } from 'node:util'
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ResourceNotFoundException,
  type TableDescription,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import type { StackTemplate } from '../cloud-assembly.ts'
import type { Intrinsics } from '../intrinsics.ts'
import { localCredentials } from '../local-credentials.ts'
import { readTable, type TableDefinition, tableTypes } from './table-definition.ts'

/**
 * Creates the stack's tables where they are missing, and states in `intrinsics` what they answer to `Ref` and
 * `Fn::GetAtt`. Repeating it changes nothing; rows stay.
 *
 * @returns physical names by the last segment of the construct's path: `Clients`
 * @throws Error naming a property that the local run does not know, or a table that exists with other keys
 */
export async function createTables(
  endpoint: string,
  stack: StackTemplate,
  intrinsics: Intrinsics,
  region: string,
): Promise<Record<string, string>> {
  const client = new DynamoDBClient({ endpoint, region, credentials: localCredentials })
  try {
    const tables = stack.resources
      .filter(({ type }) => tableTypes.includes(type))
      .filter(({ condition }) => condition === undefined || intrinsics.holds(condition))
      .map(resource => {
        const table = readTable(resource, intrinsics, { stackName: stack.stackName, region })
        const account = String(intrinsics.resolve({ Ref: 'AWS::AccountId' }))
        const arn = `arn:aws:dynamodb:${region}:${account}:table/${table.name}`
        intrinsics.define(resource.logicalId, {
          ref: table.name,
          attributes: {
            Arn: arn,
            TableName: table.name,
            // Where AWS has the time of its making: another one is another stream.
            ...(table.hasStream && { StreamArn: `${arn}/stream/local` }),
          },
        })
        return { key: resource.path.split('/').at(-1) ?? resource.logicalId, table }
      })
    await Promise.all(tables.map(({ table }) => makeTable(client, table)))
    return Object.fromEntries(tables.map(({ key, table }) => [key, table.name]))
  } finally {
    client.destroy()
  }
}

async function makeTable(client: DynamoDBClient, table: TableDefinition): Promise<void> {
  const existing = await describeTable(client, table.name)
  if (existing === undefined) {
    await client.send(
      new CreateTableCommand({
        TableName: table.name,
        ...table.schema,
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: table.deletionProtection,
      }),
    )
    await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName: table.name })
  } else {
    checkSameSchema(table, existing)
    if ((existing.DeletionProtectionEnabled ?? false) !== table.deletionProtection) {
      const DeletionProtectionEnabled = table.deletionProtection
      await client.send(new UpdateTableCommand({ TableName: table.name, DeletionProtectionEnabled }))
    }
  }
  await setTimeToLive(client, table)
}

async function describeTable(client: DynamoDBClient, name: string): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: name }))).Table
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}

/** Keys and local indexes of a table can never be changed, in the cloud no more than here. */
function checkSameSchema(table: TableDefinition, existing: TableDescription): void {
  if (isDeepStrictEqual(comparable(table.schema), comparable(existing))) return
  throw new Error(
    `table ${table.name} exists with other keys or indexes than the template's: ` +
      'use another data folder (COUNTERSIGN_DATA_DIR), or move this one away',
  )
}

function comparable(schema: TableDefinition['schema'] | TableDescription): object {
  const indexes = [schema.LocalSecondaryIndexes, schema.GlobalSecondaryIndexes].map(list =>
    (list ?? [])
      .map(({ IndexName, KeySchema, Projection }) => ({
        name: IndexName,
        keys: KeySchema?.map(({ AttributeName, KeyType }) => [AttributeName, KeyType]),
        projection: Projection?.ProjectionType,
        projected: [...(Projection?.NonKeyAttributes ?? [])].sort(),
      }))
      .sort(({ name: a = '' }, { name: b = '' }) => (a < b ? -1 : 1)),
  )
  const attributes = (schema.AttributeDefinitions ?? []).map(
    ({ AttributeName, AttributeType }) => `${AttributeName}: ${AttributeType}`,
  )
  return {
    keys: schema.KeySchema?.map(({ AttributeName, KeyType }) => [AttributeName, KeyType]),
    attributes: attributes.sort(),
    indexes,
  }
}

async function setTimeToLive(client: DynamoDBClient, table: TableDefinition): Promise<void> {
  const { TimeToLiveDescription: current } = await client.send(
    new DescribeTimeToLiveCommand({ TableName: table.name }),
  )
  const enabled = current?.TimeToLiveStatus === 'ENABLED' || current?.TimeToLiveStatus === 'ENABLING'
  const attribute = enabled ? current?.AttributeName : undefined
  if (attribute === table.timeToLiveAttribute) return
  if (attribute !== undefined) await switchTimeToLive(client, table.name, attribute, false)
  if (table.timeToLiveAttribute !== undefined) {
    await switchTimeToLive(client, table.name, table.timeToLiveAttribute, true)
  }
}

async function switchTimeToLive(
  client: DynamoDBClient,
  table: string,
  attribute: string,
  enabled: boolean,
): Promise<void> {
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: table,
      TimeToLiveSpecification: { AttributeName: attribute, Enabled: enabled },
    }),
  )
}
