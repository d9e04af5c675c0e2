import { readFileSync } from 'node:fs'
import type { ProtectedApi } from '../oauth/authorize.ts'
import { parseRouteTable } from '../oauth/route-table.ts'
import { VerifiedTokenMemory } from '../oauth/verified-token-memory.ts'
import { dynamoDbClient } from './aws-clients.ts'
import { configuredRevocationFeed } from './configured-stores.ts'
import { configuredVerification } from './configured-verification.ts'
import { setting } from './environment.ts'
import type { FunctionContext } from './function-context.ts'
import { startLoadMilliseconds } from './recorded-revocation-feed.ts'

/**
 * The API that an authorizer function protects, from its environment and route table, with signing keys and
 * revocations loaded.
 *
 * @throws Error when a setting or the route table is missing, or is none
 */
export async function configuredProtectedApi(
  context: FunctionContext,
  routesFile: URL,
): Promise<ProtectedApi> {
  const { clock, records, watch } = context
  const dynamoDb = dynamoDbClient(watch)
  const { ring, verification } = configuredVerification(dynamoDb, records, clock, setting('AUDIENCE'))
  const feed = configuredRevocationFeed(dynamoDb, context)
  const routes = parseRouteTable(readFileSync(routesFile, 'utf8'))
  await Promise.all([ring.refresh().catch(() => {}), feed.start(startLoadMilliseconds)])
  return {
    ...verification,
    routes,
    memory: new VerifiedTokenMemory(),
    findKnownKey: kid => ring.find(kid),
    isRevoked: token => feed.isRevoked(token),
  }
}
