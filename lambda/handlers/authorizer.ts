import { readFileSync } from 'node:fs'
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { authorizerHandler } from '../adapters/authorizer-handler.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { configuredRevocations } from '../adapters/configured-stores.ts'
import { configuredVerification } from '../adapters/configured-verification.ts'
import { numberSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { RevocationFeed } from '../oauth/revocation-feed.ts'
import { parseRouteTable } from '../oauth/route-table.ts'
import { VerifiedTokenMemory } from '../oauth/verified-token-memory.ts'

/** How long init may load revocations; what is missing then is looked up for each decision. */
const initLoadMilliseconds = 2000

const context = functionContext()
const { clock, records, watch } = context
const dynamoDb = dynamoDbClient(watch)
const revocations = configuredRevocations(dynamoDb, records)
const { ring, verification } = configuredVerification(dynamoDb, records, clock, setting('AUDIENCE'))
const feed = new RevocationFeed(
  {
    read: (shard, since, cursor) => revocations.read(shard, since, cursor),
    lookUp: subjects => revocations.lookUp(subjects),
  },
  {
    shards: numberSetting('REVOCATION_SHARDS', 1),
    refreshSeconds: numberSetting('REVOCATION_REFRESH_SECONDS'),
    outageGraceSeconds: numberSetting('REVOCATION_OUTAGE_GRACE_SECONDS'),
    onOutage: ageSeconds => records.revocationStoreUnreachable(ageSeconds),
    onRefresh: ageSeconds => records.revocationSnapshotAge(ageSeconds),
    onTooMany: revocations => records.tooManyRevocations(revocations),
  },
  clock,
)
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
