import { randomBytes, randomUUID } from 'node:crypto'
import { AwsError, type AwsRequest } from '../aws-json-server.ts'
import { optionalList, optionalString, requiredString } from '../kms/request.ts'
import type { Rotations } from './rotations.ts'
import type { SecretRecord, SecretStore, VersionRecord } from './secret-store.ts'
import { current, moveStage, putVersion, withId, withStage } from './versions.ts'

export interface SecretsContext {
  readonly store: SecretStore
  readonly rotations: Rotations
  readonly region: string
  readonly accountId: string
  /** The clock, in epoch milliseconds. */
  readonly now: () => number
}

type Operation = (request: AwsRequest, context: SecretsContext) => Promise<object>

const CreateSecret: Operation = async (request, { store, region, accountId, now }) => {
  const name = requiredString(request, 'Name')
  const value = optionalString(request, 'SecretString')
  const createdAt = now() / 1000
  const suffix = randomBytes(16).toString('base64').replace(/\W/g, '').slice(0, 6)
  const empty: SecretRecord = {
    arn: `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-${suffix}`,
    name,
    description: optionalString(request, 'Description'),
    createdAt,
    tags: readTags(request),
    versions: [],
  }
  const versionId = optionalString(request, 'ClientRequestToken') ?? randomUUID()
  const record = value === undefined ? empty : putVersion(empty, { versionId, value, createdAt }, [current])
  await store.add(record)
  return { ARN: record.arn, Name: name, ...(value === undefined ? {} : { VersionId: versionId }) }
}

const DescribeSecret: Operation = async (request, { store, rotations }) => {
  const record = store.secret(requiredString(request, 'SecretId'))
  return {
    ...described(record),
    VersionIdsToStages: Object.fromEntries(
      record.versions.map(({ versionId, stages }) => [versionId, stages]),
    ),
    ...rotations.describe(record),
  }
}

const ListSecrets: Operation = async (_, { store }) => ({ SecretList: store.secrets().map(described) })

const GetSecretValue: Operation = async (request, { store }) => {
  const record = store.secret(requiredString(request, 'SecretId'))
  const versionId = optionalString(request, 'VersionId')
  const stage = optionalString(request, 'VersionStage') ?? (versionId === undefined ? current : undefined)
  const version = versionId === undefined ? withStage(record, stage ?? '') : withId(record, versionId)
  const isLabelled = stage === undefined || version?.stages.includes(stage)
  if (version?.value === undefined || !isLabelled) {
    const which = versionId === undefined ? `staging label: ${stage}` : `VersionId: ${versionId}`
    const message = `Secrets Manager can't find the specified secret value for ${which}`
    throw new AwsError('ResourceNotFoundException', message)
  }
  return { ...answered(record, version), SecretString: version.value, CreatedDate: version.createdAt }
}

const PutSecretValue: Operation = async (request, { store, now }) => {
  const value = requiredString(request, 'SecretString')
  const versionId = optionalString(request, 'ClientRequestToken') ?? randomUUID()
  const given = optionalList(request, 'VersionStages').map(String)
  const stages = given.length === 0 ? [current] : given
  const record = await store.change(requiredString(request, 'SecretId'), secret =>
    putVersion(secret, { versionId, value, createdAt: now() / 1000 }, stages),
  )
  return answered(record, withId(record, versionId))
}

const UpdateSecretVersionStage: Operation = async (request, { store }) => {
  const stage = requiredString(request, 'VersionStage')
  const to = requiredString(request, 'MoveToVersionId')
  const record = await store.change(requiredString(request, 'SecretId'), secret => {
    if (withId(secret, to) === undefined) {
      const message = `Secrets Manager can't find the specified secret version: ${to}.`
      throw new AwsError('ResourceNotFoundException', message)
    }
    const from = withStage(secret, stage)?.versionId
    if (from !== undefined && from !== to && from !== optionalString(request, 'RemoveFromVersionId')) {
      const message = `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${from}, so you must explicitly reference that version in RemoveFromVersionId.`
      throw new AwsError('InvalidParameterException', message)
    }
    return moveStage(secret, stage, to)
  })
  return { ARN: record.arn, Name: record.name }
}

/** Rotates at once, unless `RotateImmediately` is false; answers before the rotation is over. */
const RotateSecret: Operation = async (request, { store, rotations }) => {
  const { arn, name } = store.secret(requiredString(request, 'SecretId'))
  const functionArn = optionalString(request, 'RotationLambdaARN')
  if (functionArn !== undefined) rotations.schedule(arn, functionArn, request.RotationRules)
  if (request.RotateImmediately === false) return { ARN: arn, Name: name }
  return { ARN: arn, Name: name, VersionId: await rotations.start(arn) }
}

export const operations = new Map<string, Operation>(
  Object.entries({
    CreateSecret,
    DescribeSecret,
    ListSecrets,
    GetSecretValue,
    PutSecretValue,
    UpdateSecretVersionStage,
    RotateSecret,
  }),
)

function answered({ arn, name }: SecretRecord, version: VersionRecord | undefined) {
  return { ARN: arn, Name: name, VersionId: version?.versionId, VersionStages: version?.stages }
}

function described({ arn, name, description, createdAt, tags }: SecretRecord) {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
  return { ARN: arn, Name: name, Description: description, CreatedDate: createdAt, Tags }
}

function readTags(request: AwsRequest): Record<string, string> {
  return Object.fromEntries(
    optionalList(request, 'Tags').map(tag => {
      const { Key, Value } = (tag ?? {}) as Record<string, unknown>
      return [String(Key), String(Value)]
    }),
  )
}
