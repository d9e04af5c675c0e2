import { type DynamoDbAccess, dynamoDbClient } from '../lambda/adapters/aws-clients.ts'
import type { FunctionContext } from '../lambda/adapters/function-context.ts'
import { RevocationsTable } from '../lambda/adapters/revocations-table.ts'
import { SigningKeysTable } from '../lambda/adapters/signing-keys-table.ts'
import type { RevocationsTableOptions, SigningKeysTableOptions } from './guard-options.ts'

/** The deployment's tables. In a file of its own, so that only a guard that reads them loads the AWS SDK. */
export class Tables {
  readonly #client: ReturnType<typeof dynamoDbClient>
  readonly #records: FunctionContext['records']

  constructor(access: DynamoDbAccess | undefined, { watch, records }: FunctionContext) {
    this.#client = dynamoDbClient(watch, access)
    this.#records = records
  }

  signingKeys({ table, ring }: SigningKeysTableOptions): SigningKeysTable {
    return new SigningKeysTable(this.#client, table, ring, this.#records)
  }

  revocations({ table, shards }: Required<RevocationsTableOptions>): RevocationsTable {
    return new RevocationsTable(this.#client, table, shards, this.#records)
  }
}
