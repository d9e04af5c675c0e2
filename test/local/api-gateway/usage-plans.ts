import { join } from 'node:path'
import { ApiKeyStore } from '../../../local/api-gateway/api-key-store.ts'
import { type UsageClocks, UsagePlans } from '../../../local/api-gateway/usage-plans.ts'

/** The usage plans of a run with this data folder, where there are none yet. */
export async function usagePlansIn(dataDir: string, clocks: UsageClocks = {}): Promise<UsagePlans> {
  return new UsagePlans(await ApiKeyStore.open(join(dataDir, 'apigateway')), clocks)
}
