import {
  CreateSecretCommand,
  DescribeSecretCommand,
  RotateSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { StackResource } from '../cloud-assembly.ts'
import type { DefinedResource, Intrinsics } from '../intrinsics.ts'
import { localCredentials } from '../local-credentials.ts'
import { physicalName } from './physical-id.ts'
import { readProperties } from './properties.ts'

export interface SecretsPlace {
  readonly endpoint: string
  readonly region: string
  readonly stackName: string
}

/** Makes a secret that the template asks for, once, and empty: one with a value in the template is not known. */
export async function deploySecret(
  resource: StackResource,
  intrinsics: Intrinsics,
  { stackName, ...place }: SecretsPlace,
): Promise<DefinedResource> {
  const properties = readProperties(resource, intrinsics, { used: ['Description', 'Name', 'Tags'] })
  const Name = properties.optionalText('Name') ?? physicalName(stackName, resource.logicalId)
  const create = new CreateSecretCommand({
    Name,
    Description: properties.optionalText('Description'),
    Tags: properties.tags('Tags').map(([Key, Value]) => ({ Key, Value })),
  })
  const arn = await withClient(place, async client => {
    const describe = () => client.send(new DescribeSecretCommand({ SecretId: Name }))
    const { ARN } = await client.send(create).catch(error => {
      if (error instanceof Error && error.name === 'ResourceExistsException') return describe()
      throw error
    })
    return ARN ?? ''
  })
  return { ref: arn, attributes: { Id: arn } }
}

/** Has a secret rotated by a function, from now on. */
export async function deployRotationSchedule(
  resource: StackResource,
  intrinsics: Intrinsics,
  place: Omit<SecretsPlace, 'stackName'>,
): Promise<DefinedResource> {
  const properties = readProperties(resource, intrinsics, {
    used: ['RotateImmediatelyOnUpdate', 'RotationLambdaARN', 'RotationRules', 'SecretId'],
  })
  properties.expect('RotateImmediatelyOnUpdate', [false])
  const rules = properties.group('RotationRules', { used: ['ScheduleExpression'] })
  const rotate = new RotateSecretCommand({
    SecretId: properties.text('SecretId'),
    RotationLambdaARN: properties.text('RotationLambdaARN'),
    RotationRules: { ScheduleExpression: rules?.text('ScheduleExpression') },
    RotateImmediately: false,
  })
  await withClient(place, client => client.send(rotate))
  return { ref: properties.text('SecretId') }
}

async function withClient<T>(
  { endpoint, region }: Omit<SecretsPlace, 'stackName'>,
  use: (client: SecretsManagerClient) => Promise<T>,
): Promise<T> {
  const client = new SecretsManagerClient({ endpoint, region, credentials: localCredentials })
  try {
    return await use(client)
  } finally {
    client.destroy()
  }
}
