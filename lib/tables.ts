import { RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, Billing, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Construct } from 'constructs'
import type { AuthorizationServerProps } from './authorization-server-props.ts'

/** The local secondary index of the revocations table: what was revoked since a moment, read consistently. */
export const revokedAtIndex = 'by_revoked_at'

/** The client attributes that may be read by administration: every one but `secret_digests`. */
export const readableClientAttributes = [
  'client_id',
  'client_name',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'resource_server',
  'grants',
  'access_token_lifetime',
  'status',
  'version',
  'write_id',
  'created_at',
  'updated_at',
  'tokens_revoked_up_to',
  'secrets',
  'declaration',
]

export interface CountersignTables {
  readonly clients: TableV2
  readonly revocations: TableV2
  readonly signingKeys: TableV2
  readonly singleUse: TableV2
  readonly resourceServers: TableV2
}

/** By the names that people see. */
export function tablesByName(tables: CountersignTables): [string, TableV2][] {
  return [
    ['Clients', tables.clients],
    ['Revocations', tables.revocations],
    ['SigningKeys', tables.signingKeys],
    ['SingleUse', tables.singleUse],
    ['ResourceServers', tables.resourceServers],
  ]
}

type TablesProps = Pick<AuthorizationServerProps, 'removalPolicy' | 'deletionProtection'>

/** Makes the five tables. Their construct ids are part of the contract: a renamed table is an empty table. */
export function createTables(scope: Construct, props: TablesProps): CountersignTables {
  const encrypted = { billing: Billing.onDemand(), encryption: TableEncryptionV2.awsManagedKey() }
  const kept = {
    ...encrypted,
    removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    deletionProtection: props.deletionProtection ?? true,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  }
  return {
    clients: new TableV2(scope, 'Clients', {
      ...kept,
      partitionKey: { name: 'client_id', type: AttributeType.STRING },
    }),
    resourceServers: new TableV2(scope, 'ResourceServers', {
      ...kept,
      partitionKey: { name: 'audience', type: AttributeType.STRING },
    }),
    revocations: new TableV2(scope, 'Revocations', {
      ...kept,
      partitionKey: { name: 'shard', type: AttributeType.STRING },
      sortKey: { name: 'subject', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires_at',
      // Local, not global: only a local index can be read consistently, and none can be added later.
      localSecondaryIndexes: [
        { indexName: revokedAtIndex, sortKey: { name: 'revoked_at', type: AttributeType.NUMBER } },
      ],
    }),
    signingKeys: new TableV2(scope, 'SigningKeys', {
      ...kept,
      partitionKey: { name: 'ring', type: AttributeType.STRING },
      sortKey: { name: 'kid', type: AttributeType.STRING },
    }),
    // Rows that live for minutes: losing the table loses nothing that is still valid a day later.
    singleUse: new TableV2(scope, 'SingleUse', {
      ...encrypted,
      removalPolicy: RemovalPolicy.DESTROY,
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires_at',
    }),
  }
}
