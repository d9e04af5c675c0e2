// AWS::DynamoDB::Table and ::GlobalTable properties, taken apart into what a local engine can do.
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb'
import type { StackResource } from '../cloud-assembly.ts'
import type { Intrinsics } from '../intrinsics.ts'

type Properties = Record<string, unknown>

/** One table of the template, its intrinsics resolved. */
export interface TableDefinition {
  readonly name: string
  readonly schema: Pick<
    CreateTableCommandInput,
    'AttributeDefinitions' | 'KeySchema' | 'LocalSecondaryIndexes' | 'GlobalSecondaryIndexes'
  >
  readonly deletionProtection: boolean
  /** The attribute with the time of expiry; undefined: rows do not expire. */
  readonly timeToLiveAttribute?: string
  /** Whether changes can be read from it: the local engines have no streams, so that the rows are compared. */
  readonly hasStream: boolean
}

export const tableTypes = ['AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable']

const schemaProperties = [
  'TableName',
  'AttributeDefinitions',
  'KeySchema',
  'LocalSecondaryIndexes',
  'GlobalSecondaryIndexes',
  'TimeToLiveSpecification',
  'StreamSpecification',
]
// Known, and without effect here: capacity, cost, encryption at rest and backups are the cloud's.
const withoutLocalEffect = ['BillingMode', 'SSESpecification', 'WarmThroughput']
const replicaProperties = [
  'DeletionProtectionEnabled',
  'PointInTimeRecoverySpecification',
  'ContributorInsightsSpecification',
  'TableClass',
  'Tags',
]

const knownProperties: Record<string, string[]> = {
  'AWS::DynamoDB::Table': [
    ...schemaProperties,
    ...withoutLocalEffect,
    ...replicaProperties,
    'ProvisionedThroughput',
    'OnDemandThroughput',
  ],
  'AWS::DynamoDB::GlobalTable': [
    ...schemaProperties,
    ...withoutLocalEffect,
    'Replicas',
    'WriteProvisionedThroughputSettings',
    'WriteOnDemandThroughputSettings',
  ],
}
const knownReplicaProperties = [
  ...replicaProperties,
  'Region',
  'SSESpecification',
  'GlobalSecondaryIndexes',
  'ReadProvisionedThroughputSettings',
  'ReadOnDemandThroughputSettings',
]
const knownIndexProperties = [
  'IndexName',
  'KeySchema',
  'Projection',
  'ProvisionedThroughput',
  'OnDemandThroughput',
  'WriteProvisionedThroughputSettings',
  'WriteOnDemandThroughputSettings',
  'ContributorInsightsSpecification',
  'WarmThroughput',
]

/** @throws Error naming a property that the local run does not know */
export function readTable(
  resource: StackResource,
  intrinsics: Intrinsics,
  place: { stackName: string; region: string },
): TableDefinition {
  const properties = intrinsics.resolve(resource.properties) as Properties
  checkKnown(resource, properties, knownProperties[resource.type] ?? [])
  const replica = readReplica(resource, properties, place.region)
  const stream = properties.StreamSpecification as { StreamViewType?: string } | undefined
  if (stream !== undefined && stream.StreamViewType !== 'KEYS_ONLY')
    throw new Error(`${describe(resource)}: the local run knows streams of the view type KEYS_ONLY alone`)
  const timeToLive = properties.TimeToLiveSpecification as
    | { Enabled?: boolean; AttributeName?: string }
    | undefined
  return {
    name: (properties.TableName as string | undefined) ?? `${place.stackName}-${resource.logicalId}`,
    schema: {
      AttributeDefinitions:
        properties.AttributeDefinitions as TableDefinition['schema']['AttributeDefinitions'],
      KeySchema: properties.KeySchema as TableDefinition['schema']['KeySchema'],
      LocalSecondaryIndexes: readIndexes(resource, properties, 'LocalSecondaryIndexes'),
      GlobalSecondaryIndexes: readIndexes(resource, properties, 'GlobalSecondaryIndexes'),
    },
    deletionProtection: replica.DeletionProtectionEnabled === true,
    timeToLiveAttribute: isOn(timeToLive?.Enabled) ? timeToLive?.AttributeName : undefined,
    hasStream: stream !== undefined,
  }
}

/** What a global table says of this Region; a plain table says it of itself. */
function readReplica(resource: StackResource, properties: Properties, region: string): Properties {
  if (resource.type === 'AWS::DynamoDB::Table') return properties
  const replicas = (properties.Replicas ?? []) as Properties[]
  for (const replica of replicas) checkKnown(resource, replica, knownReplicaProperties, 'Replicas.')
  const own = replicas.find(replica => replica.Region === region)
  if (own === undefined) throw new Error(`${describe(resource)} has no replica in ${region}`)
  return own
}

function readIndexes(resource: StackResource, properties: Properties, member: string) {
  const indexes = properties[member] as Properties[] | undefined
  return indexes?.map(index => {
    checkKnown(resource, index, knownIndexProperties, `${member}.`)
    return {
      IndexName: index.IndexName as string,
      KeySchema: index.KeySchema as TableDefinition['schema']['KeySchema'],
      Projection: index.Projection as { ProjectionType: 'ALL' | 'KEYS_ONLY' | 'INCLUDE' },
    }
  })
}

function checkKnown(resource: StackResource, members: Properties, known: string[], prefix = ''): void {
  for (const name of Object.keys(members)) {
    if (!known.includes(name)) {
      throw new Error(`${describe(resource)}: the local run does not know the property ${prefix}${name}`)
    }
  }
}

/** CloudFormation takes the text `true` for the truth value. */
function isOn(value: unknown): boolean {
  return value === true || value === 'true'
}

function describe({ type, path }: StackResource): string {
  return `${type} ${path}`
}
