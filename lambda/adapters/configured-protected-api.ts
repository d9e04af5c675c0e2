import { readFileSync } from 'node:fs'
import type { ProtectedApi } from '../oauth/authorize.ts'
import type { RevocationFeed } from '../oauth/revocation-feed.ts'
import { parseRouteTable } from '../oauth/route-table.ts'
import { VerifiedTokenMemory } from '../oauth/verified-token-memory.ts'
import { setting } from './environment.ts'
import type { FunctionContext } from './function-context.ts'
import { startLoadMilliseconds } from './recorded-revocation-feed.ts'
import { signatureVerifier } from './signature-verifier.ts'

/** What an authorizer knows its authorization server by. */
export interface ServerSources {
  readonly keys: Pick<ProtectedApi, 'findKey' | 'findKnownKey'> & {
    /** Loads them. Never throws: a token that comes asks again. */
    start(): Promise<unknown>
  }
  /** Undefined where nobody says how to know of them: a revoked token then passes until it expires. */
  readonly revocations: RevocationFeed | undefined
}

/**
 * The API that an authorizer function protects, from its environment and route table, with signing keys and
 * revocations loaded.
 *
 * @throws Error when a setting or the route table is missing, or is none
 */
export async function configuredProtectedApi(
  context: FunctionContext,
  routesFile: URL,
  sourcesOf: (context: FunctionContext) => ServerSources,
): Promise<ProtectedApi> {
  const issuer = setting('ISSUER')
  const audience = setting('AUDIENCE')
  const { keys, revocations } = sourcesOf(context)
  const routes = parseRouteTable(readFileSync(routesFile, 'utf8'))
  await Promise.all([keys.start(), revocations?.start(startLoadMilliseconds)])
  return {
    issuer,
    audience,
    routes,
    memory: new VerifiedTokenMemory(),
    findKey: keys.findKey,
    findKnownKey: keys.findKnownKey,
    verifySignature: signatureVerifier(issuer, audience),
    isRevoked: async token => (revocations === undefined ? false : revocations.isRevoked(token)),
  }
}
