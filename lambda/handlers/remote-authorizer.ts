import { readFileSync } from 'node:fs'
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { assumedRole } from '../adapters/assumed-role.ts'
import { authorizerHandler } from '../adapters/authorizer-handler.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { configuredRevocationFeed } from '../adapters/configured-stores.ts'
import { optionalSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { IssuerKeys } from '../adapters/issuer-keys.ts'
import { startLoadMilliseconds } from '../adapters/recorded-revocation-feed.ts'
import { signatureVerifier } from '../adapters/signature-verifier.ts'
import type { RevocationFeed } from '../oauth/revocation-feed.ts'
import { parseRouteTable } from '../oauth/route-table.ts'
import { VerifiedTokenMemory } from '../oauth/verified-token-memory.ts'

const context = functionContext()
const issuer = setting('ISSUER')
const audience = setting('AUDIENCE')
const keys = new IssuerKeys(setting('JWKS_URI'), context.clock, context.records)
const feed = remoteRevocations()
const routes = parseRouteTable(readFileSync(new URL('./routes.json', import.meta.url), 'utf8'))

await Promise.all([keys.start(), feed?.start(startLoadMilliseconds)])

export const handler: (event: APIGatewayRequestAuthorizerEventV2) => Promise<unknown> = authorizerHandler(
  {
    issuer,
    audience,
    routes,
    memory: new VerifiedTokenMemory(),
    findKey: keys.findKey,
    findKnownKey: keys.findKnownKey,
    verifySignature: signatureVerifier(issuer, audience),
    isRevoked: async token => (await feed?.isRevoked(token)) ?? false,
  },
  context,
)

/** Undefined where nobody says how to know of them: a revoked token then passes until it expires. */
function remoteRevocations(): RevocationFeed | undefined {
  if (optionalSetting('REVOCATIONS_TABLE') === undefined) return undefined
  const roleArn = optionalSetting('REVOCATIONS_ROLE_ARN')
  const client = dynamoDbClient(context.watch, {
    region: setting('REVOCATIONS_REGION'),
    ...(roleArn !== undefined && { credentials: assumedRole(roleArn) }),
  })
  return configuredRevocationFeed(client, context)
}
