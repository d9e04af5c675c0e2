/** What the update of a stack must neither replace nor delete, and what others read from it. */
export interface Baseline {
  /** By logical id, which is what CloudFormation knows a resource by. */
  readonly resources: Readonly<Record<string, StatefulResource>>
  readonly outputs: Readonly<Record<string, Output>>
}

export interface StatefulResource {
  readonly path: string
  readonly type: string
  readonly deletionPolicy: string
  readonly updateReplacePolicy: string
  /** The properties whose change makes CloudFormation replace the resource, or makes it another thing to its users. */
  readonly properties: Readonly<Record<string, unknown>>
}

export interface Output {
  readonly value: unknown
  readonly exportName?: unknown
}

interface Resource {
  readonly Type: string
  readonly Properties?: Readonly<Record<string, unknown>>
  readonly DeletionPolicy?: string
  readonly UpdateReplacePolicy?: string
  readonly Metadata?: Readonly<Record<string, unknown>>
}

export interface StackTemplate {
  readonly Resources: Readonly<Record<string, Resource>>
  readonly Outputs?: Readonly<Record<string, { Value: unknown; Export?: { Name: unknown } }>>
}

/**
 * Types that hold what a new resource in their place would not have, each with the properties that the CloudFormation
 * resource specification replaces it for.
 */
const stateful: Readonly<Record<string, readonly string[]>> = {
  // Its id is in the address that callers know.
  'AWS::ApiGateway::RestApi': [],
  // Its id is in the issuer, or in the addresses that callers know.
  'AWS::ApiGatewayV2::Api': ['ProtocolType'],
  // DNS records point at its target.
  'AWS::ApiGatewayV2::DomainName': ['DomainName'],
  'AWS::DynamoDB::GlobalTable': ['TableName', 'KeySchema', 'LocalSecondaryIndexes', 'AttributeDefinitions'],
  'AWS::KMS::Key': ['KeySpec', 'KeyUsage', 'MultiRegion', 'Origin'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  // A new topic has no subscribers.
  'AWS::SNS::Topic': ['TopicName', 'FifoTopic'],
  // Who reads it has its ARN; a new one is empty.
  'AWS::SecretsManager::Secret': ['Name'],
  // Another service token is refused by CloudFormation; without it the keys of clients are removed.
  'Custom::CountersignApiKeys': ['ServiceToken'],
  // Its logical id is its client_id; another service token is refused by CloudFormation.
  'Custom::CountersignClient': ['ServiceToken'],
  // Another service token is refused by CloudFormation; another ring is one without keys.
  'Custom::CountersignResourceServers': ['ServiceToken'],
  'Custom::CountersignSigningKeyRing': ['ServiceToken', 'Ring'],
}

/** Types that can be made anew at any time and nobody outside of the stack has to hear of it. */
const stateless: readonly string[] = [
  'AWS::ApiGateway::Account',
  'AWS::ApiGateway::Authorizer',
  'AWS::ApiGateway::Deployment',
  'AWS::ApiGateway::GatewayResponse',
  'AWS::ApiGateway::Method',
  'AWS::ApiGateway::Resource',
  'AWS::ApiGateway::Stage',
  // A new one is filled with the keys again; what they have used of their quota is forgotten.
  'AWS::ApiGateway::UsagePlan',
  'AWS::ApiGatewayV2::ApiMapping',
  'AWS::ApiGatewayV2::Authorizer',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Events::Rule',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Logs::MetricFilter',
  'AWS::SNS::TopicPolicy',
  'AWS::SecretsManager::RotationSchedule',
]

/** @throws Error when a resource is of a type that nobody has judged yet */
export function baselineOf(template: StackTemplate): Baseline {
  const resources = Object.entries(template.Resources).filter(([, { Type }]) => !stateless.includes(Type))
  return {
    resources: byName(resources.map(([id, resource]) => [id, readResource(id, resource)])),
    outputs: byName(
      Object.entries(template.Outputs ?? {}).map(([name, { Value, Export }]) => [
        name,
        { value: Value, ...(Export && { exportName: Export.Name }) },
      ]),
    ),
  }
}

function readResource(logicalId: string, resource: Resource): StatefulResource {
  const names = stateful[resource.Type]
  if (names === undefined) {
    throw new Error(
      `${logicalId} is of type ${resource.Type}, which is in neither list of test/lib/baseline/baseline.ts: add it to the stateful types with the properties that replace it, or to the stateless ones`,
    )
  }
  const properties = keysAlone(resource.Properties ?? {})
  return {
    path: String(resource.Metadata?.['aws:cdk:path'] ?? logicalId).replace(
      /\/Resource$|\/Default(?=\/|$)/g,
      '',
    ),
    type: resource.Type,
    deletionPolicy: resource.DeletionPolicy ?? 'Delete',
    updateReplacePolicy: resource.UpdateReplacePolicy ?? 'Delete',
    properties: Object.fromEntries(
      names.filter(name => properties[name] !== undefined).map(name => [name, properties[name]]),
    ),
  }
}

interface Keyed {
  readonly KeySchema?: readonly { AttributeName: string }[]
  readonly LocalSecondaryIndexes?: readonly Keyed[]
  readonly AttributeDefinitions?: readonly { AttributeName: string }[]
}

/** A table's properties with the definitions of its own keys alone: global indexes come and go without replacing it. */
function keysAlone(properties: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { KeySchema, LocalSecondaryIndexes = [], AttributeDefinitions } = properties as Keyed
  if (KeySchema === undefined || AttributeDefinitions === undefined) return properties
  const keys = [KeySchema, ...LocalSecondaryIndexes.map(index => index.KeySchema ?? [])].flat()
  const names = keys.map(({ AttributeName }) => AttributeName)
  const definitions = AttributeDefinitions.filter(({ AttributeName }) => names.includes(AttributeName))
  return { ...properties, AttributeDefinitions: definitions }
}

function byName<T>(entries: [string, T][]): Record<string, T> {
  return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)))
}
