import { Aws } from 'aws-cdk-lib'
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { deletionDays, keySpecs, ringTag, signingAlgorithms } from '../lambda/oauth/kms-facts.ts'
import { type CountersignTables, readableClientAttributes, revokedAtIndex } from './tables.ts'

const digests = 'secret_digests'

/** Every KMS key of this account and Region; always narrowed by a condition on the ring's tag. */
const anyKey = `arn:${Aws.PARTITION}:kms:${Aws.REGION}:${Aws.ACCOUNT_ID}:key/*`

function onTable(sid: string, table: TableV2, ...operations: string[]): PolicyStatement {
  const actions = operations.map(operation => `dynamodb:${operation}`)
  return new PolicyStatement({ sid, actions, resources: [table.tableArn] })
}

const useOnce = (tables: CountersignTables) =>
  onTable('UseOnce', tables.singleUse, 'PutItem', 'UpdateItem', 'GetItem', 'BatchGetItem')
const readClients = (tables: CountersignTables) =>
  onTable('ReadClients', tables.clients, 'GetItem', 'BatchGetItem')
const readSigningKeys = (tables: CountersignTables) => onTable('ReadSigningKeys', tables.signingKeys, 'Query')

/** Keys made after deployment have no ARN in a template: the tag says which keys these are. */
const signWithRing = (ring: string) =>
  new PolicyStatement({
    sid: 'SignWithRing',
    actions: ['kms:Sign'],
    resources: [anyKey],
    conditions: {
      StringEquals: {
        [`aws:ResourceTag/${ringTag}`]: ring,
        'kms:SigningAlgorithm': Object.values(signingAlgorithms),
      },
    },
  })

/** Custody `envelope`. Always given: keys outlive the setting that they were made under. */
const unwrapWithRing = (ring: string) =>
  new PolicyStatement({
    sid: 'UnwrapWithRing',
    actions: ['kms:Decrypt'],
    resources: [anyKey],
    conditions: {
      StringEquals: {
        [`aws:ResourceTag/${ringTag}`]: ring,
        [`kms:EncryptionContext:${ringTag}`]: ring,
      },
    },
  })

const readResourceServers = (tables: CountersignTables) =>
  onTable('ReadResourceServers', tables.resourceServers, 'GetItem')

export const tokenPermissions = (tables: CountersignTables, ring: string) => [
  readClients(tables),
  readResourceServers(tables),
  readSigningKeys(tables),
  useOnce(tables),
  signWithRing(ring),
  unwrapWithRing(ring),
]

export const revokePermissions = (tables: CountersignTables) => [
  readClients(tables),
  readSigningKeys(tables),
  onTable('Revoke', tables.revocations, 'UpdateItem', 'GetItem'),
  useOnce(tables),
]

export const introspectPermissions = (tables: CountersignTables) => [
  readClients(tables),
  readSigningKeys(tables),
  onTable('ReadRevocations', tables.revocations, 'BatchGetItem'),
  useOnce(tables),
]

export const metadataPermissions = (tables: CountersignTables) => [readSigningKeys(tables)]

/** For whoever knows the revocations table by its ARN alone as well. */
export const readRevocations = (tableArn: string) => [
  new PolicyStatement({
    sid: 'ReadRevocations',
    actions: ['dynamodb:Query', 'dynamodb:BatchGetItem'],
    resources: [tableArn],
  }),
  new PolicyStatement({
    sid: 'ReadRevocationsByTime',
    actions: ['dynamodb:Query'],
    resources: [`${tableArn}/index/${revokedAtIndex}`],
  }),
]

export const revocationReaderPermissions = (tables: CountersignTables) =>
  readRevocations(tables.revocations.tableArn)

export const authorizerPermissions = (tables: CountersignTables) => [
  ...readRevocations(tables.revocations.tableArn),
  readSigningKeys(tables),
]

/**
 * Administration writes the digests of secrets and never reads them. A read names its attributes and `secret_digests`
 * is not among them; a write returns nothing. What `dynamodb:Attributes` holds for a GetItem without a projection is
 * not documented, so the refusals are said twice more, as denials that no other policy can lift
 * (docs/adr/0012-administration-cannot-read-digests.md).
 */
function readClientsWithoutDigests(
  tables: CountersignTables,
  ...operations: ('GetItem' | 'Scan')[]
): PolicyStatement[] {
  return readClientAttributes(tables, readableClientAttributes, ...operations)
}

export function readClientAttributes(
  tables: CountersignTables,
  attributes: readonly string[],
  ...operations: ('GetItem' | 'Scan')[]
): PolicyStatement[] {
  const clients = [tables.clients.tableArn]
  const reads = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:Scan']
  return [
    new PolicyStatement({
      sid: 'ReadClientsWithoutDigests',
      actions: operations.map(operation => `dynamodb:${operation}`),
      resources: clients,
      conditions: {
        'ForAllValues:StringEquals': { 'dynamodb:Attributes': attributes },
        // An empty set passes ForAllValues: a request that names no attribute would be one for all of them.
        Null: { 'dynamodb:Attributes': 'false' },
        StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
      },
    }),
    new PolicyStatement({
      sid: 'NeverReadDigests',
      effect: Effect.DENY,
      actions: reads,
      resources: clients,
      conditions: { 'ForAnyValue:StringEquals': { 'dynamodb:Attributes': digests } },
    }),
    new PolicyStatement({
      sid: 'NeverReadWholeClients',
      effect: Effect.DENY,
      actions: reads,
      resources: clients,
      conditions: { StringEquals: { 'dynamodb:Select': ['ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES'] } },
    }),
  ]
}

/** A write that returned values would be a way to read them. */
const writeClientsUnread = (tables: CountersignTables) =>
  new PolicyStatement({
    sid: 'WriteClients',
    actions: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
    resources: [tables.clients.tableArn],
    conditions: { StringEqualsIfExists: { 'dynamodb:ReturnValues': 'NONE' } },
  })

export function adminPermissions(tables: CountersignTables): PolicyStatement[] {
  return [
    ...readClientsWithoutDigests(tables, 'GetItem', 'Scan'),
    writeClientsUnread(tables),
    onTable('Revoke', tables.revocations, 'UpdateItem'),
    readSigningKeys(tables),
    onTable(
      'AdministerResourceServers',
      tables.resourceServers,
      'GetItem',
      'BatchGetItem',
      'Scan',
      'PutItem',
      'DeleteItem',
    ),
    onTable('ReadAndForgetUse', tables.singleUse, 'BatchGetItem', 'DeleteItem'),
  ]
}

/** The tag of the secrets of declared clients: the ring's name says which deployment they belong to. */
export const serverTag = 'countersign:server'

/** By tag, as the keys are: a list of their ARNs would grow with the clients, and count only after a while. */
const onSecrets = (server: string, ...operations: string[]) =>
  new PolicyStatement({
    sid: 'KeepSecrets',
    actions: operations.map(operation => `secretsmanager:${operation}`),
    resources: [`arn:${Aws.PARTITION}:secretsmanager:${Aws.REGION}:${Aws.ACCOUNT_ID}:secret:*`],
    conditions: { StringEquals: { [`aws:ResourceTag/${serverTag}`]: server } },
  })

const findAndWriteClients = (tables: CountersignTables) => [
  ...readClientsWithoutDigests(tables, 'GetItem'),
  writeClientsUnread(tables),
]

/** It reads secrets too: only so can it tell whether what is stored is what the client has, and restate the rest. */
export const clientRegistrarPermissions = (tables: CountersignTables, server: string) => [
  ...findAndWriteClients(tables),
  onTable('ReadResourceServers', tables.resourceServers, 'BatchGetItem'),
  onTable('Revoke', tables.revocations, 'UpdateItem'),
  onSecrets(server, 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'),
]

export const secretRotatorPermissions = (tables: CountersignTables, server: string) => [
  ...findAndWriteClients(tables),
  onSecrets(server, 'DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'),
]

/** The registrar looks through the clients for what they are granted, and registers resource servers; it deletes none. */
export const registrarPermissions = (tables: CountersignTables) => [
  ...readClientsWithoutDigests(tables, 'GetItem', 'Scan'),
  onTable('RegisterResourceServers', tables.resourceServers, 'GetItem', 'Scan', 'PutItem'),
]

/**
 * The keeper makes, describes and ends keys. It signs and unwraps with none. Nobody else may have a key deleted, and the
 * keeper only with the longest wait, in which it can be cancelled; never the key that wraps others.
 */
export const keeperPermissions = (tables: CountersignTables, ring: string) => [
  onTable('KeepSigningKeys', tables.signingKeys, 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'),
  onTable('Revoke', tables.revocations, 'UpdateItem'),
  new PolicyStatement({
    sid: 'CreateKeyForRing',
    actions: ['kms:CreateKey'],
    // A key that does not exist yet has no ARN.
    resources: ['*'],
    conditions: {
      StringEquals: {
        [`aws:RequestTag/${ringTag}`]: ring,
        'kms:KeySpec': [...new Set(Object.values(keySpecs))],
        'kms:KeyUsage': 'SIGN_VERIFY',
      },
    },
  }),
  new PolicyStatement({
    sid: 'TagKeyForRing',
    actions: ['kms:TagResource'],
    resources: [anyKey],
    conditions: { StringEquals: { [`aws:RequestTag/${ringTag}`]: ring } },
  }),
  new PolicyStatement({
    sid: 'DescribeKeysOfRing',
    actions: ['kms:DescribeKey', 'kms:GetPublicKey'],
    resources: [anyKey],
    conditions: { StringEquals: { [`aws:ResourceTag/${ringTag}`]: ring } },
  }),
  new PolicyStatement({
    sid: 'WrapNewKeys',
    actions: ['kms:GenerateDataKeyPairWithoutPlaintext'],
    resources: [anyKey],
    conditions: {
      StringEquals: {
        [`aws:ResourceTag/${ringTag}`]: ring,
        [`kms:EncryptionContext:${ringTag}`]: ring,
      },
    },
  }),
  new PolicyStatement({
    sid: 'EndKeysOfRing',
    actions: ['kms:ScheduleKeyDeletion'],
    resources: [anyKey],
    conditions: {
      StringEquals: { [`aws:ResourceTag/${ringTag}`]: ring, 'kms:KeyUsage': 'SIGN_VERIFY' },
      NumericEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': deletionDays },
    },
  }),
]
