import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { dynamoDbClient } from './aws-clients.ts'
import type { ServerSources } from './configured-protected-api.ts'
import { configuredKeysTable, configuredRevocationFeed } from './configured-stores.ts'
import type { FunctionContext } from './function-context.ts'

/** A server of the authorizer's own account and Region: its tables. */
export function serverBeside(context: FunctionContext): ServerSources {
  const dynamoDb = dynamoDbClient(context.watch)
  const table = configuredKeysTable(dynamoDb, context.records)
  const ring = new SigningKeyRing(() => table.read(), context.clock)
  return {
    keys: {
      start: () => ring.refresh().catch(() => {}),
      findKey: kid => ring.findOrRead(kid),
      findKnownKey: kid => ring.find(kid),
    },
    revocations: configuredRevocationFeed(dynamoDb, context),
  }
}
