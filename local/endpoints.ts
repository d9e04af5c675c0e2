import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from './durable-file.ts'

/** What `endpoints.json` in the data folder says of a running local server. All URLs are loopback. */
export interface Endpoints {
  readonly issuer: string
  readonly tokenEndpoint: string
  /** Of a server that has one. */
  readonly revocationEndpoint?: string
  /** Of a server that has one. */
  readonly introspectionEndpoint?: string
  readonly jwksUri: string
  readonly admin: string
  /** The protected APIs, by name. */
  readonly apis: Readonly<Record<string, string>>
  readonly aws: {
    readonly dynamodb: string
    readonly kms: string
    readonly secretsmanager: string
    readonly apigateway: string
  }
  /** Physical table names, by the construct's. */
  readonly tables: Readonly<Record<string, string>>
  readonly region: string
  /** The process that ends everything when it ends. */
  readonly pid: number
}

/** What a deployment says of itself. */
export interface Deployed {
  readonly issuer: string | undefined
  readonly apis: Readonly<Record<string, string>>
  readonly tables: Readonly<Record<string, string>>
}

export function endpointsFile(dataDir: string): string {
  return join(dataDir, 'endpoints.json')
}

/**
 * Asks the authorization server for its endpoints (RFC 8414 §3).
 *
 * @throws Error when there is none, or it does not say
 */
export async function discoverEndpoints(
  { issuer, apis, tables }: Deployed,
  run: { aws: Endpoints['aws']; region: string; pid: number },
): Promise<Endpoints> {
  if (issuer === undefined)
    throw new Error('the app has no authorization server: add an AuthorizationServer to one of its stacks')
  const url = `${issuer}/.well-known/oauth-authorization-server`
  const response = await fetch(url)
  const answer = await response.text()
  if (!response.ok)
    throw new Error(`the authorization server answered ${response.status} at ${url}: ${answer}`)
  const metadata = JSON.parse(answer) as Record<string, string | undefined>
  const endpoint = (member: string) => {
    const value = metadata[member]
    if (value === undefined) throw new Error(`the authorization server's metadata has no ${member}`)
    return value
  }
  return {
    issuer,
    tokenEndpoint: endpoint('token_endpoint'),
    ...(metadata.revocation_endpoint && { revocationEndpoint: metadata.revocation_endpoint }),
    ...(metadata.introspection_endpoint && { introspectionEndpoint: metadata.introspection_endpoint }),
    jwksUri: endpoint('jwks_uri'),
    admin: `${issuer}/admin`,
    apis: Object.fromEntries(Object.entries(apis).filter(([, url]) => url !== issuer)),
    aws: run.aws,
    tables,
    region: run.region,
    pid: run.pid,
  }
}

/** Appears whole or not at all: who waits for the file can read it the moment it is there. */
export async function writeEndpoints(dataDir: string, endpoints: Endpoints): Promise<void> {
  await writeDurably(endpointsFile(dataDir), `${JSON.stringify(endpoints, null, 2)}\n`)
}

export async function removeEndpoints(dataDir: string): Promise<void> {
  await rm(endpointsFile(dataDir), { force: true })
}
