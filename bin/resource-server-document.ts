import { type AdminClient, unexpectedAnswer } from './admin-client.ts'
import { isNumberIn, isTextIn, lifetimeCell } from './client-document.ts'
import { describeMoment } from './duration.ts'
import { type Cell, keyValues, type Style, table } from './output.ts'

export interface RegisteredScope {
  scope: string
  /** What it allows, for people; empty where nobody has said. */
  description: string
}

/** A resource server as the admin API shows it. */
export interface ResourceServerDocument {
  resource_server_id: string
  audience: string
  scopes: readonly RegisteredScope[]
  /** Seconds. */
  access_token_lifetime?: number
  /** `administration`, or `deployment` for one that the CDK app declares. */
  managed_by: string
  version: number
  created_at: number
  updated_at: number
}

/** Whether a document from the server is a resource server; members that no command reads are not looked at. */
export function isResourceServerDocument(value: unknown): value is ResourceServerDocument {
  if (typeof value !== 'object' || value === null) return false
  const server = value as Record<string, unknown>
  return (
    ['audience', 'managed_by'].every(isTextIn(server)) &&
    ['version', 'created_at', 'updated_at'].every(isNumberIn(server)) &&
    (server.access_token_lifetime === undefined || isNumberIn(server)('access_token_lifetime')) &&
    Array.isArray(server.scopes) &&
    server.scopes.every(entry => ['scope', 'description'].every(isTextIn(entry)))
  )
}

/** @throws CommandFailure `unexpected_answer` */
export function asResourceServer(document: Record<string, unknown>): ResourceServerDocument {
  if (!isResourceServerDocument(document)) throw unexpectedAnswer('the server')
  return document
}

export async function readResourceServer(
  admin: AdminClient,
  audience: string,
): Promise<ResourceServerDocument> {
  return asResourceServer(await admin({ method: 'GET', path: pathOf(audience) }))
}

/** In a path it is its audience, base64url-encoded. */
export function pathOf(audience: string): string[] {
  return ['resource-servers', Buffer.from(audience).toString('base64url')]
}

/** `resource-servers list`: a line a resource server, a further one for each further scope. */
export function resourceServerTable(style: Style, servers: readonly ResourceServerDocument[]): string {
  return table(
    style,
    ['AUDIENCE', 'SCOPES', 'TOKEN LIFETIME', 'MANAGED BY', 'UPDATED'],
    servers.map(server => [
      server.audience,
      { lines: server.scopes.map(({ scope }) => scope) },
      lifetimeCell(server.access_token_lifetime),
      managerCell(server),
      describeMoment(server.updated_at),
    ]),
  )
}

export function resourceServerDetails(style: Style, server: ResourceServerDocument): string {
  const details = keyValues(style, [
    ['audience', server.audience],
    ['token lifetime', lifetimeCell(server.access_token_lifetime)],
    ['managed by', managerCell(server)],
    ['created', describeMoment(server.created_at)],
    ['updated', `${describeMoment(server.updated_at)} (version ${server.version})`],
  ])
  const scopes = server.scopes.map(({ scope, description }) => [scope, description])
  return `${details}\n${table(style, ['SCOPE', 'DESCRIPTION'], scopes)}`
}

function managerCell({ managed_by: manager }: ResourceServerDocument): Cell {
  return manager === 'deployment' ? 'the CDK app' : manager
}
