import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { APIGatewayClient } from '@aws-sdk/client-api-gateway'
import { onTestFinished } from 'vitest'
import { startApiGateway } from '../../../local/api-gateway/server.ts'
import type { UsagePlan } from '../../../local/api-gateway/usage-plans.ts'
import { localCredentials } from '../../../local/local-credentials.ts'

/** A usage plan without limits, of one stage of its own. */
export const planOf = (id: string, changes: Partial<UsagePlan> = {}): UsagePlan => ({
  id,
  name: id,
  throttle: undefined,
  quota: undefined,
  stages: [{ apiId: `api-of-${id}`, stage: 'prod' }],
  ...changes,
})

export const apiGatewayClientFor = (endpoint: string, maxAttempts = 1) =>
  new APIGatewayClient({ endpoint, region: 'us-east-1', credentials: localCredentials, maxAttempts })

/** A stand-in of the caller's own, gone when the test ends, or whenever `atEnd` says. */
export async function apiGatewayForTest(
  { dataDir: given }: { dataDir?: string } = {},
  atEnd: (stop: () => Promise<void>) => void = onTestFinished,
) {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'countersign-api-gateway-')))
  const server = await startApiGateway({ dataDir })
  const client = apiGatewayClientFor(server.url)
  atEnd(async () => {
    client.destroy()
    await server.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  return { client, dataDir, server }
}
