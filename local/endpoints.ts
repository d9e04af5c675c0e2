import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from './durable-file.ts'

/** What `endpoints.json` in the data folder says of a running local server. All URLs are loopback. */
export interface Endpoints {
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly revocationEndpoint: string
  readonly introspectionEndpoint: string
  readonly jwksUri: string
  readonly admin: string
  /** The protected APIs, by name. */
  readonly apis: Readonly<Record<string, string>>
  readonly aws: { readonly dynamodb: string; readonly kms: string; readonly secretsmanager: string }
  /** Physical table names, by the construct's. */
  readonly tables: Readonly<Record<string, string>>
  readonly region: string
  /** The process that ends everything when it ends. */
  readonly pid: number
}

/** What a deployment says of itself. */
export interface Deployed {
  readonly outputs: Readonly<Record<string, string>>
  readonly apis: Readonly<Record<string, string>>
  readonly tables: Readonly<Record<string, string>>
}

export function endpointsFile(dataDir: string): string {
  return join(dataDir, 'endpoints.json')
}

/** @throws Error naming a stack output that is missing */
export function endpointsOf(
  { outputs, apis, tables }: Deployed,
  run: { aws: Endpoints['aws']; region: string; pid: number },
): Endpoints {
  const output = (name: string) => {
    const value = outputs[name]
    if (value === undefined) throw new Error(`the stack has no output ${name}`)
    return value
  }
  const issuer = output('Issuer')
  return {
    issuer,
    tokenEndpoint: output('TokenEndpoint'),
    revocationEndpoint: output('RevocationEndpoint'),
    introspectionEndpoint: output('IntrospectionEndpoint'),
    jwksUri: output('JwksUri'),
    admin: output('AdminEndpoint'),
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
