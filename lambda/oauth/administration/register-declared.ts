import { type Clock, epochSeconds } from '../clock.ts'
import type { ClientRecord } from './client-record.ts'
import type { ResourceServerStore } from './resource-server-administration.ts'
import type { RegisteredScope, ResourceServerRecord } from './resource-server-record.ts'

/** A resource server as the CDK app declares it. */
export interface DeclaredResourceServer {
  readonly audience: string
  readonly scopes: readonly RegisteredScope[]
  readonly accessTokenLifetimeSeconds: number | undefined
}

export interface DeclarationPorts {
  readonly store: Pick<ResourceServerStore, 'read' | 'write'>
  readonly everyResourceServer: () => AsyncIterable<ResourceServerRecord>
  readonly everyClient: () => AsyncIterable<ClientRecord>
  readonly clock: Clock
}

/** How often a change is repeated on the newest version when another change came first. */
const maxAttempts = 5

/**
 * Brings the registered resource servers in line with a deployment: what is declared is registered, what is declared no
 * longer is handed to administration, and whatever a client has been granted stays registered, so that a grant made
 * before its resource server was registered goes on working. Repeating is safe.
 *
 * @returns the audiences that were changed
 */
export async function registerDeclared(
  declared: readonly DeclaredResourceServer[],
  ports: DeclarationPorts,
): Promise<readonly string[]> {
  const byAudience = new Map(declared.map(server => [server.audience, server]))
  const granted = await grantedScopes(ports.everyClient())
  const audiences = new Set([...byAudience.keys(), ...granted.keys()])
  for await (const { audience, managedBy } of ports.everyResourceServer()) {
    if (managedBy === 'deployment') audiences.add(audience)
  }
  const changed: string[] = []
  for (const audience of audiences) {
    const scopes = granted.get(audience) ?? new Set()
    if (await register(audience, byAudience.get(audience), scopes, ports)) changed.push(audience)
  }
  return changed
}

async function grantedScopes(clients: AsyncIterable<ClientRecord>): Promise<Map<string, Set<string>>> {
  const granted = new Map<string, Set<string>>()
  const scopesOf = (audience: string) => {
    const scopes = granted.get(audience) ?? new Set<string>()
    granted.set(audience, scopes)
    return scopes
  }
  for await (const { grants, resourceServer } of clients) {
    if (resourceServer !== undefined) scopesOf(resourceServer)
    for (const { resource, scope } of grants) for (const value of scope) scopesOf(resource).add(value)
  }
  return granted
}

async function register(
  audience: string,
  declared: DeclaredResourceServer | undefined,
  granted: ReadonlySet<string>,
  { store, clock }: DeclarationPorts,
): Promise<boolean> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const current = await store.read(audience)
    const wanted = wantedRecord(audience, declared, granted, current, epochSeconds(clock))
    if (current !== undefined && isSame(current, wanted)) return false
    if (await store.write(wanted, current?.version)) return true
  }
  throw new Error('a resource server is changed all the time')
}

function wantedRecord(
  audience: string,
  declared: DeclaredResourceServer | undefined,
  granted: ReadonlySet<string>,
  current: ResourceServerRecord | undefined,
  now: number,
): ResourceServerRecord {
  const base = declared ?? current
  const known = new Map(current?.scopes.map(entry => [entry.scope, entry]))
  const named = new Set(base?.scopes.map(({ scope }) => scope))
  const kept = [...granted].filter(scope => !named.has(scope)).sort()
  return {
    audience,
    scopes: [...(base?.scopes ?? []), ...kept.map(scope => known.get(scope) ?? { scope, description: '' })],
    accessTokenLifetimeSeconds: base?.accessTokenLifetimeSeconds,
    managedBy: declared === undefined ? 'administration' : 'deployment',
    version: (current?.version ?? 0) + 1,
    createdAt: current?.createdAt ?? now,
    updatedAt: now,
  }
}

function isSame(a: ResourceServerRecord, b: ResourceServerRecord): boolean {
  const compared = ({ scopes, accessTokenLifetimeSeconds, managedBy }: ResourceServerRecord) =>
    JSON.stringify([
      scopes.map(({ scope, description }) => [scope, description]),
      accessTokenLifetimeSeconds ?? null,
      managedBy,
    ])
  return compared(a) === compared(b)
}
