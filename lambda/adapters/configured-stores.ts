import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { RevocationFeed } from '../oauth/revocation-feed.ts'
import { numberSetting, setting } from './environment.ts'
import type { FunctionContext } from './function-context.ts'
import { recordedRevocationFeed } from './recorded-revocation-feed.ts'
import type { Records } from './records.ts'
import { RevocationsTable } from './revocations-table.ts'
import { SigningKeysTable } from './signing-keys-table.ts'

/** The stores that several functions use, as the environment names them. */
export function configuredKeysTable(client: DynamoDBClient, records: Records): SigningKeysTable {
  return new SigningKeysTable(client, setting('SIGNING_KEYS_TABLE'), setting('SIGNING_KEY_RING'), records)
}

export function configuredRevocations(client: DynamoDBClient, records: Records): RevocationsTable {
  return new RevocationsTable(
    client,
    setting('REVOCATIONS_TABLE'),
    numberSetting('REVOCATION_SHARDS', 1),
    records,
  )
}

/** What an authorizer knows of revocations. */
export function configuredRevocationFeed(client: DynamoDBClient, context: FunctionContext): RevocationFeed {
  const revocations = configuredRevocations(client, context.records)
  return recordedRevocationFeed(
    {
      read: (shard, since, cursor) => revocations.read(shard, since, cursor),
      lookUp: subjects => revocations.lookUp(subjects),
    },
    {
      shards: numberSetting('REVOCATION_SHARDS', 1),
      refreshSeconds: numberSetting('REVOCATION_REFRESH_SECONDS'),
      outageGraceSeconds: numberSetting('REVOCATION_OUTAGE_GRACE_SECONDS'),
    },
    context,
  )
}
