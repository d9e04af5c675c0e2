import { maxResourceLength } from '../resource-indicator.ts'
import type { ResourceServer } from '../resource-server.ts'

export interface RegisteredScope {
  readonly scope: string
  /** What it allows, for people; empty where nobody has said. */
  readonly description: string
}

/** A resource server as administration sees and changes it. Times are epoch seconds. */
export interface ResourceServerRecord {
  readonly audience: string
  readonly scopes: readonly RegisteredScope[]
  readonly accessTokenLifetimeSeconds: number | undefined
  /** Who changes it: the admin API, or the CDK app that declares it. */
  readonly managedBy: 'administration' | 'deployment'
  /** Raised by every change; an update names the one it was made on. */
  readonly version: number
  readonly createdAt: number
  readonly updatedAt: number
}

/** What the token endpoint needs of it. */
export function toResourceServer(record: ResourceServerRecord): ResourceServer {
  return {
    audience: record.audience,
    scopes: new Set(record.scopes.map(({ scope }) => scope)),
    accessTokenLifetimeSeconds: record.accessTokenLifetimeSeconds,
  }
}

/** Names a resource server in a path: its audience, base64url-encoded. */
export function resourceServerId(audience: string): string {
  return Buffer.from(audience).toString('base64url')
}

/** @returns undefined for what `resourceServerId` never makes */
export function parseResourceServerId(id: string): string | undefined {
  const audience = Buffer.from(id, 'base64url').toString('utf8')
  const isAudience = audience !== '' && audience.length <= maxResourceLength
  return isAudience && resourceServerId(audience) === id ? audience : undefined
}

/** A resource server as the admin API shows it. */
export function resourceServerDocument(record: ResourceServerRecord) {
  return {
    resource_server_id: resourceServerId(record.audience),
    audience: record.audience,
    scopes: record.scopes,
    access_token_lifetime: record.accessTokenLifetimeSeconds,
    managed_by: record.managedBy,
    version: record.version,
    created_at: record.createdAt,
    updated_at: record.updatedAt,
  }
}
