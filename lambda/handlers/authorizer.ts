import { readFileSync } from 'node:fs'
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { authorizerHandler } from '../adapters/authorizer-handler.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { numberSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { RevocationsTable } from '../adapters/revocations-table.ts'
import { signatureVerifier } from '../adapters/signature-verifier.ts'
import { SigningKeysTable } from '../adapters/signing-keys-table.ts'
import { RevocationFeed } from '../oauth/revocation-feed.ts'
import { parseRouteTable } from '../oauth/route-table.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { VerifiedTokenMemory } from '../oauth/verified-token-memory.ts'

/** How long init may load revocations; what is missing then is looked up for each decision. */
const initLoadMilliseconds = 2000

const { clock, records } = functionContext()
const dynamoDb = dynamoDbClient()
const issuer = setting('ISSUER')
const audience = setting('AUDIENCE')
const shards = numberSetting('REVOCATION_SHARDS', 1)
const keysTable = new SigningKeysTable(
  dynamoDb,
  setting('SIGNING_KEYS_TABLE'),
  setting('SIGNING_KEY_RING'),
  records,
)
const revocations = new RevocationsTable(dynamoDb, setting('REVOCATIONS_TABLE'), shards, records)
const ring = new SigningKeyRing(() => keysTable.read(), clock)
const feed = new RevocationFeed(
  {
    read: (shard, since, cursor) => revocations.read(shard, since, cursor),
    lookUp: subjects => revocations.lookUp(subjects),
  },
  {
    shards,
    refreshSeconds: numberSetting('REVOCATION_REFRESH_SECONDS'),
    outageGraceSeconds: numberSetting('REVOCATION_OUTAGE_GRACE_SECONDS'),
    onOutage: ageSeconds => records.revocationStoreUnreachable(ageSeconds),
    onRefresh: ageSeconds => records.revocationSnapshotAge(ageSeconds),
  },
  clock,
)
const routes = parseRouteTable(readFileSync(new URL('./routes.json', import.meta.url), 'utf8'))

await Promise.all([ring.refresh().catch(() => {}), feed.start(initLoadMilliseconds)])

export const handler: (event: APIGatewayRequestAuthorizerEventV2) => Promise<unknown> = authorizerHandler(
  {
    issuer,
    audience,
    routes,
    memory: new VerifiedTokenMemory(),
    findKey: kid => ring.findOrRead(kid),
    findKnownKey: kid => ring.find(kid),
    verifySignature: signatureVerifier(issuer, audience),
    isRevoked: token => feed.isRevoked(token),
  },
  records,
  clock,
)
