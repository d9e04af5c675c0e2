// A stand-in for AWS Secrets Manager on one machine, with its rotation by a Lambda function.
import { join } from 'node:path'
import { type AwsRequest, startAwsJsonServer } from '../aws-json-server.ts'
import { operations, type SecretsContext } from './operations.ts'
import { type InvokeFunction, Rotations } from './rotations.ts'
import { SecretStore } from './secret-store.ts'

export interface SecretsManagerOptions {
  /** Secrets lie in its folder `secretsmanager`, one file a secret, readable by their owner alone. */
  dataDir: string
  region: string
  accountId: string
  /** The clock, in epoch milliseconds. @default Date.now */
  now?: () => number
}

export interface LocalSecretsManager {
  readonly url: string
  /** Says how functions are invoked. Until then no secret is rotated. */
  useFunctions(invoke: InvokeFunction): void
  close(): Promise<void>
}

/**
 * Starts the stand-in on a free port. What answered is durable.
 *
 * @throws Error when a secret's file cannot be read
 */
export async function startSecretsManager(options: SecretsManagerOptions): Promise<LocalSecretsManager> {
  const { dataDir, region, accountId, now = Date.now } = options
  const store = await SecretStore.open(join(dataDir, 'secretsmanager'))
  const rotations = new Rotations(store, now)
  const context: SecretsContext = { store, rotations, region, accountId, now }
  const service = {
    name: 'local Secrets Manager',
    target: 'secretsmanager',
    internalError: 'InternalServiceError',
    answer: (name: string, request: AwsRequest) => operations.get(name)?.(request, context),
  }
  const server = await startAwsJsonServer(service, 0)
  return {
    url: server.url,
    useFunctions: invoke => rotations.useFunctions(invoke),
    async close() {
      rotations.stop()
      await server.close()
    },
  }
}
