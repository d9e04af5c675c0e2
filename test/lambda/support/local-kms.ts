import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KMSClient } from '@aws-sdk/client-kms'
import { startKms } from '../../../local/kms/server.ts'
import { localCredentials } from '../../../local/local-credentials.ts'
import { accountId, region } from './local-store.ts'

/** A KMS stand-in of the caller's own, and a client of it. */
export async function startLocalKms() {
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-kms-'))
  const kms = await startKms({ dataDir, region, accountId })
  const settings = { endpoint: kms.url, region, credentials: localCredentials }
  const client = new KMSClient(settings)
  return {
    url: kms.url,
    settings,
    client,
    async close(): Promise<void> {
      client.destroy()
      await kms.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
