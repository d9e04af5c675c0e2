import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { numberSetting, setting } from './environment.ts'
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
