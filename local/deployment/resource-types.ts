import type { StackResource } from '../cloud-assembly.ts'
import { apiPartTypes } from '../gateway/api.ts'
import { restPartTypes } from '../gateway/rest/definition.ts'
import type { DefinedResource, Intrinsics } from '../intrinsics.ts'
import { physicalName } from './physical-id.ts'
import { nameOf } from './properties.ts'

interface Account {
  accountId: string
  region: string
}

/** What a type without local effect answers to `Ref` and `Fn::GetAtt`. */
interface Placeholder {
  /** The property that may name the resource. */
  nameProperty?: string
  arn?: (name: string, account: Account) => string
  /** Attributes that are the ARN, the name, or the `Ref`, which is the name unless `refIsArn`. */
  attributes?: Record<string, 'arn' | 'name'>
  refIsArn?: boolean
}

/**
 * Types that the local run knows and gives no effect: nothing enforces IAM, nobody is alarmed, and logs are
 * files. What other resources may want to know about them is still answered.
 */
const withoutEffect: Record<string, Placeholder> = {
  'AWS::ApiGateway::Account': {},
  'AWS::CDK::Metadata': {},
  'AWS::CloudWatch::Alarm': {
    nameProperty: 'AlarmName',
    arn: (name, { region, accountId }) => `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}`,
    attributes: { Arn: 'arn' },
  },
  'AWS::CloudWatch::CompositeAlarm': {
    nameProperty: 'AlarmName',
    arn: (name, { region, accountId }) => `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}`,
    attributes: { Arn: 'arn' },
  },
  'AWS::CloudWatch::Dashboard': { nameProperty: 'DashboardName' },
  'AWS::IAM::ManagedPolicy': {
    nameProperty: 'ManagedPolicyName',
    arn: (name, { accountId }) => `arn:aws:iam::${accountId}:policy/${name}`,
    attributes: { PolicyArn: 'arn' },
    refIsArn: true,
  },
  'AWS::IAM::Policy': {},
  'AWS::IAM::Role': {
    nameProperty: 'RoleName',
    arn: (name, { accountId }) => `arn:aws:iam::${accountId}:role/${name}`,
    attributes: { Arn: 'arn' },
  },
  'AWS::Lambda::EventInvokeConfig': {},
  'AWS::Logs::LogGroup': {
    nameProperty: 'LogGroupName',
    arn: (name, { region, accountId }) => `arn:aws:logs:${region}:${accountId}:log-group:${name}:*`,
    attributes: { Arn: 'arn' },
  },
  'AWS::Logs::MetricFilter': {},
  'AWS::Logs::QueryDefinition': {},
  'AWS::Logs::ResourcePolicy': {},
  'AWS::SNS::Subscription': {},
  'AWS::SNS::Topic': {
    nameProperty: 'TopicName',
    arn: (name, { region, accountId }) => `arn:aws:sns:${region}:${accountId}:${name}`,
    attributes: { TopicArn: 'arn', TopicName: 'name' },
    refIsArn: true,
  },
  'AWS::SNS::TopicPolicy': {},
}

const withEffect: readonly string[] = [
  'AWS::ApiGateway::RestApi',
  ...restPartTypes,
  'AWS::ApiGateway::UsagePlan',
  'AWS::ApiGatewayV2::Api',
  ...apiPartTypes,
  'AWS::DynamoDB::GlobalTable',
  'AWS::DynamoDB::Table',
  'AWS::Events::Rule',
  'AWS::KMS::Key',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::SecretsManager::RotationSchedule',
  'AWS::SecretsManager::Secret',
]

/** @throws an error that names every resource of a type that the local run does not know */
export function checkTypes(resources: readonly StackResource[]): void {
  const unknown = resources.filter(
    ({ type }) =>
      !Object.hasOwn(withoutEffect, type) && !withEffect.includes(type) && !isCustomResource(type),
  )
  if (unknown.length > 0)
    throw new Error(`the local run does not know these resources: ${unknown.map(nameOf).join(', ')}`)
}

export function isCustomResource(type: string): boolean {
  return type === 'AWS::CloudFormation::CustomResource' || type.startsWith('Custom::')
}

/** What a resource of a type without local effect answers; `undefined` for every other type. */
export function placeholderOf(
  resource: StackResource,
  intrinsics: Intrinsics,
  account: Account & { stackName: string },
): DefinedResource | undefined {
  const type = Object.hasOwn(withoutEffect, resource.type) ? withoutEffect[resource.type] : undefined
  if (type === undefined) return undefined
  const given = type.nameProperty === undefined ? undefined : resource.properties[type.nameProperty]
  const name =
    given === undefined
      ? physicalName(account.stackName, resource.logicalId)
      : String(intrinsics.resolve(given))
  const arn = type.arn?.(name, account) ?? name
  const attributes = Object.entries(type.attributes ?? {}).map(([attribute, what]) => [
    attribute,
    what === 'arn' ? arn : name,
  ])
  return { ref: type.refIsArn ? arn : name, attributes: Object.fromEntries(attributes) }
}
