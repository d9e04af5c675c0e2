import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { onTestFinished } from 'vitest'
import { startSecretsManager } from '../../../local/secrets-manager/server.ts'

export const region = 'us-east-1'
export const accountId = '000000000000'

/** A stand-in of the caller's own, gone when the test ends, or whenever `atEnd` says. */
export async function secretsManagerForTest(
  { now, dataDir: given }: { now?: () => number; dataDir?: string } = {},
  atEnd: (stop: () => Promise<void>) => void = onTestFinished,
) {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'countersign-secrets-')))
  const server = await startSecretsManager({ dataDir, region, accountId, now })
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
  const client = new SecretsManagerClient({ endpoint: server.url, region, credentials, maxAttempts: 1 })
  atEnd(async () => {
    client.destroy()
    await server.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  return { client, dataDir, server }
}
