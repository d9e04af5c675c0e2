// A stand-in for AWS KMS on one machine: its protocol over node:crypto.
import { join } from 'node:path'
import { startAwsJsonServer } from '../aws-json-server.ts'
import { aliasOperations } from './alias-operations.ts'
import { cryptographicOperations } from './cryptographic-operations.ts'
import { keyOperations } from './key-operations.ts'
import { KeyStore } from './key-store.ts'
import type { KmsContext, Operation } from './operation.ts'

const operations = new Map<string, Operation>(
  Object.entries({ ...keyOperations, ...aliasOperations, ...cryptographicOperations }),
)

export interface KmsOptions {
  /** Keys lie in its folder `kms`, one file a key, readable by their owner alone. */
  dataDir: string
  region: string
  accountId: string
  /** @default 0 - a free port */
  port?: number
  /** The clock, in epoch milliseconds. @default Date.now */
  now?: () => number
}

/**
 * Starts the stand-in. An operation that changes something answers once the change is durable; what answered
 * survives a kill.
 *
 * @throws Error when a key's file cannot be read, or the port is taken (EADDRINUSE)
 */
export async function startKms(options: KmsOptions): Promise<{ url: string; close(): Promise<void> }> {
  const { dataDir, region, accountId, port = 0, now = Date.now } = options
  const store = await KeyStore.open(join(dataDir, 'kms'))
  const context: KmsContext = { store, region, accountId, now }
  const service = {
    name: 'local KMS',
    target: 'TrentService',
    internalError: 'KMSInternalException',
    answer: (name: string, request: Parameters<Operation>[0]) => {
      const operation = operations.get(name)
      if (operation === undefined) return undefined
      return store.deleteDueKeys(now() / 1000).then(() => operation(request, context))
    },
  }
  return startAwsJsonServer(service, port)
}
