import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KMSClient } from '@aws-sdk/client-kms'
import { onTestFinished } from 'vitest'
import { startKms } from '../../../local/kms/server.ts'

export const region = 'us-east-1'
export const accountId = '000000000000'

/** A client of the stand-in, with any credentials. */
export function kmsClient(endpoint: string): KMSClient {
  return new KMSClient({ endpoint, region, credentials: { accessKeyId: 'any', secretAccessKey: 'any' } })
}

/** A stand-in of the caller's own, gone when the test ends, or whenever `atEnd` says. */
export async function kmsForTest(
  options: { now?: () => number } = {},
  atEnd: (stop: () => Promise<void>) => void = onTestFinished,
) {
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-kms-'))
  const kms = await startKms({ dataDir, region, accountId, ...options })
  const client = kmsClient(kms.url)
  atEnd(async () => {
    client.destroy()
    await kms.close()
    await rm(dataDir, { recursive: true })
  })
  return { client, dataDir, url: kms.url }
}

/** The name and message of the error that a call must end in. */
export async function refusalOf(call: Promise<unknown>): Promise<{ name: string; message: string }> {
  try {
    await call
  } catch (error) {
    if (error instanceof Error) return { name: error.name, message: error.message }
    throw error
  }
  throw new Error('the call was not refused')
}
