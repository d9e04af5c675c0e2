import { type AdminClient, unexpectedAnswer } from './admin-client.ts'
import { describeMoment } from './duration.ts'
import { type Cell, keyValues, type Style, table } from './output.ts'
import type { JwkSet } from './public-keys.ts'

export interface Grant {
  resource: string
  scope: string
}

export interface SecretDocument {
  secret_id: string
  created_at: number
  /** 0: never. */
  expires_at: number
  last_used_on?: string
}

/** A client as the admin API shows it (RFC 7591 §3.2.1 member names where there is one). */
export interface ClientDocument {
  client_id: string
  client_name: string
  token_endpoint_auth_method: string
  /** This and the next two: of a client that authenticates with private_key_jwt. */
  token_endpoint_auth_signing_alg?: string
  jwks?: JwkSet
  jwks_uri?: string
  grants: readonly Grant[]
  /** The audience that this client is the resource server of. */
  resource_server?: string
  access_token_lifetime?: number
  status: string
  /** `deployment` for a client that an app declares; its secret, if it has one, is in Secrets Manager. */
  managed_by?: string
  secret_arn?: string
  version: number
  client_id_issued_at: number
  updated_at: number
  secrets: readonly SecretDocument[]
  /** In the answer to its registration only. */
  client_secret?: string
}

/** Whether a document from the server is a client; members that no command reads are not looked at. */
export function isClientDocument(value: unknown): value is ClientDocument {
  if (typeof value !== 'object' || value === null) return false
  const client = value as Record<string, unknown>
  return (
    ['client_id', 'client_name', 'token_endpoint_auth_method', 'status'].every(isTextIn(client)) &&
    ['version', 'client_id_issued_at', 'updated_at'].every(isNumberIn(client)) &&
    [
      'token_endpoint_auth_signing_alg',
      'jwks_uri',
      'resource_server',
      'client_secret',
      'managed_by',
      'secret_arn',
    ].every(name => client[name] === undefined || isTextIn(client)(name)) &&
    (client.jwks === undefined || isJwkSet(client.jwks)) &&
    Array.isArray(client.grants) &&
    client.grants.every(grant => ['resource', 'scope'].every(isTextIn(grant))) &&
    isSecretList(client.secrets)
  )
}

/** @throws CommandFailure `unexpected_answer` */
export function asClient(document: Record<string, unknown>): ClientDocument {
  if (!isClientDocument(document)) throw unexpectedAnswer('the server')
  return document
}

export async function readClient(admin: AdminClient, clientId: string): Promise<ClientDocument> {
  return asClient(await admin({ method: 'GET', path: ['clients', clientId] }))
}

function isJwkSet(value: unknown): value is JwkSet {
  if (typeof value !== 'object' || value === null || !('keys' in value)) return false
  return Array.isArray(value.keys) && value.keys.every(key => typeof key === 'object' && key !== null)
}

export function isSecretList(value: unknown): value is readonly SecretDocument[] {
  return (
    Array.isArray(value) &&
    value.every(
      secret =>
        ['secret_id'].every(isTextIn(secret)) && ['created_at', 'expires_at'].every(isNumberIn(secret)),
    )
  )
}

export function isTextIn(document: Record<string, unknown>): (name: string) => boolean {
  return name => typeof document?.[name] === 'string'
}

export function isNumberIn(document: Record<string, unknown>): (name: string) => boolean {
  return name => typeof document?.[name] === 'number'
}

/** `clients list`: a line a client, a further one for each further resource server. */
export function clientTable(style: Style, clients: readonly ClientDocument[]): string {
  return table(
    style,
    ['CLIENT_ID', 'NAME', 'STATUS', 'AUTH METHOD', 'GRANTS', 'CREATED'],
    clients.map(client => [
      client.client_id,
      client.client_name,
      statusCell(client.status),
      client.token_endpoint_auth_method,
      grantsCell(client.grants),
      describeMoment(client.client_id_issued_at),
    ]),
  )
}

/** Everything of one client but its secrets. */
export function clientDetails(style: Style, client: ClientDocument): string {
  const lifetime = client.access_token_lifetime
  return keyValues(style, [
    ['client_id', client.client_id],
    ['name', client.client_name],
    ['status', statusCell(client.status)],
    ['auth method', client.token_endpoint_auth_method],
    ['signing alg', client.token_endpoint_auth_signing_alg],
    ['keys', keysCell(client.jwks)],
    ['jwks_uri', client.jwks_uri],
    ['grants', grantsCell(client.grants)],
    ['resource server', client.resource_server],
    ['token lifetime', lifetimeCell(lifetime)],
    ['managed by', client.managed_by],
    ['secret kept in', client.secret_arn],
    ['created', describeMoment(client.client_id_issued_at)],
    ['updated', `${describeMoment(client.updated_at)} (version ${client.version})`],
  ])
}

/** Secrets by their ids; the day of last use only where it was asked for, as the answers to changes lack it. */
export function secretTable(
  style: Style,
  secrets: readonly SecretDocument[],
  { withLastUse = false } = {},
): string {
  return table(
    style,
    ['SECRET_ID', 'CREATED', 'EXPIRES', ...(withLastUse ? ['LAST USED'] : [])],
    secrets.map(secret => [
      secret.secret_id,
      describeMoment(secret.created_at),
      secret.expires_at === 0 ? 'never' : describeMoment(secret.expires_at),
      ...(withLastUse ? [typeof secret.last_used_on === 'string' ? secret.last_used_on : 'never'] : []),
    ]),
  )
}

export function lifetimeCell(seconds: number | undefined): Cell {
  return seconds === undefined ? 'as the server decides' : `${seconds} s`
}

/** A line a key: its `kid` and what it is for. */
function keysCell(jwks: JwkSet | undefined): Cell | undefined {
  return jwks && { lines: jwks.keys.map(({ kid, alg }) => `${kid ?? '(no kid)'} ${alg ?? ''}`.trim()) }
}

function statusCell(status: string): Cell {
  return { lines: [status], look: status === 'active' ? 'good' : 'bad' }
}

function grantsCell(grants: readonly Grant[]): Cell {
  return { lines: grants.length === 0 ? ['-'] : grants.map(({ resource, scope }) => `${resource}=${scope}`) }
}
