import { readFileSync } from 'node:fs'
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { authorizerHandler } from '../adapters/authorizer-handler.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { configuredRevocationFeed } from '../adapters/configured-stores.ts'
import { configuredVerification } from '../adapters/configured-verification.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { parseRouteTable } from '../oauth/route-table.ts'
import { VerifiedTokenMemory } from '../oauth/verified-token-memory.ts'

/** How long init may load revocations; what is missing then is looked up for each decision. */
const initLoadMilliseconds = 2000

const context = functionContext()
const { clock, records, watch } = context
const dynamoDb = dynamoDbClient(watch)
const { ring, verification } = configuredVerification(dynamoDb, records, clock, setting('AUDIENCE'))
const feed = configuredRevocationFeed(dynamoDb, context)
const routes = parseRouteTable(readFileSync(new URL('./routes.json', import.meta.url), 'utf8'))

await Promise.all([ring.refresh().catch(() => {}), feed.start(initLoadMilliseconds)])

export const handler: (event: APIGatewayRequestAuthorizerEventV2) => Promise<unknown> = authorizerHandler(
  {
    ...verification,
    routes,
    memory: new VerifiedTokenMemory(),
    findKnownKey: kid => ring.find(kid),
    isRevoked: token => feed.isRevoked(token),
  },
  context,
)
