import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  type KeyMetadata,
  KMSClient,
} from '@aws-sdk/client-kms'
import type { StackResource } from '../cloud-assembly.ts'
import type { DefinedResource, Intrinsics } from '../intrinsics.ts'
import { localCredentials } from '../local-credentials.ts'
import { physicalName } from './physical-id.ts'
import { readProperties } from './properties.ts'

export interface KmsPlace {
  readonly endpoint: string
  readonly region: string
  readonly stackName: string
}

/**
 * Makes a key that the template asks for, once: an alias of the resource's own remembers which one it is. Only symmetric
 * keys, the default; no policy is enforced and no material rotated.
 */
export async function deployKmsKey(
  resource: StackResource,
  intrinsics: Intrinsics,
  { endpoint, region, stackName }: KmsPlace,
): Promise<DefinedResource> {
  const properties = readProperties(resource, intrinsics, {
    used: ['Description', 'KeySpec', 'KeyUsage', 'Tags'],
    withoutEffect: ['EnableKeyRotation', 'KeyPolicy', 'PendingWindowInDays'],
  })
  properties.expect('KeySpec', [undefined, 'SYMMETRIC_DEFAULT'])
  properties.expect('KeyUsage', [undefined, 'ENCRYPT_DECRYPT'])
  const client = new KMSClient({ endpoint, region, credentials: localCredentials })
  const alias = `alias/${physicalName(stackName, resource.logicalId)}`
  try {
    const key = (await findKey(client, alias)) ?? (await createKey(client, alias, properties))
    return { ref: key.KeyId ?? '', attributes: { Arn: key.Arn ?? '', KeyId: key.KeyId ?? '' } }
  } finally {
    client.destroy()
  }
}

async function findKey(client: KMSClient, alias: string): Promise<KeyMetadata | undefined> {
  try {
    return (await client.send(new DescribeKeyCommand({ KeyId: alias }))).KeyMetadata
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFoundException') return undefined
    throw error
  }
}

async function createKey(
  client: KMSClient,
  alias: string,
  properties: ReturnType<typeof readProperties>,
): Promise<KeyMetadata> {
  const Tags = properties.tags('Tags').map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
  const create = new CreateKeyCommand({ Description: properties.optionalText('Description'), Tags })
  const { KeyMetadata = {} as KeyMetadata } = await client.send(create)
  await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata.KeyId }))
  return KeyMetadata
}
