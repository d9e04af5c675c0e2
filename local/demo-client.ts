import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { writeDurably } from './durable-file.ts'
import type { Endpoints } from './endpoints.ts'
import { fetchSigned } from './sigv4-request.ts'

/** The demonstration client of a local run, as `demo-client.json` in the data folder keeps it. */
export interface DemoClient {
  readonly client_id: string
  readonly client_secret: string
  readonly client_name: string
  readonly grants: readonly Grant[]
}

interface Grant {
  readonly resource: string
  readonly scope: string
}

/**
 * The demonstration client, which may do everything at every registered resource server: the one that
 * `demo-client.json` keeps, if the server still knows it and no grant is missing, else a new one. Its secret lies in
 * that file (mode 0600) because each start prints what to paste; a client that matters has its secret shown once.
 *
 * @returns undefined where no resource server is registered
 * @throws Error when the admin API refuses or fails
 */
export async function ensureDemoClient(
  dataDir: string,
  { admin, region }: Pick<Endpoints, 'admin' | 'region'>,
): Promise<DemoClient | undefined> {
  const path = join(dataDir, 'demo-client.json')
  const grants = await everyGrant(admin, region)
  if (grants.length === 0) return undefined
  const kept = await readDemoClient(path)
  const isEnough = kept !== undefined && isDeepStrictEqual(kept.grants, grants)
  if (isEnough && (await isRegistered(kept.client_id, admin, region))) return kept
  const client = await register(grants, admin, region)
  await writeDurably(path, `${JSON.stringify(client, null, 2)}\n`)
  return client
}

/** The scopes of a longer list may not fit into a token, and would not be granted. */
const longestScope = 2000

/** One page of resource servers, which is as many grants as a client may have. */
async function everyGrant(admin: string, region: string): Promise<Grant[]> {
  const response = await fetchSigned('GET', `${admin}/resource-servers`, region)
  if (!response.ok) throw await failure('granted anything', response)
  const { resource_servers } = (await response.json()) as {
    resource_servers: { audience: string; scopes: { scope: string }[] }[]
  }
  return resource_servers
    .map(({ audience, scopes }) => ({
      resource: audience,
      scope: scopes.map(({ scope }) => scope).join(' '),
    }))
    .filter(({ scope }) => scope.length <= longestScope)
}

async function isRegistered(clientId: string, admin: string, region: string): Promise<boolean> {
  const response = await fetchSigned('GET', `${admin}/clients/${encodeURIComponent(clientId)}`, region)
  if (response.status === 404) return false
  if (response.ok) return true
  throw await failure('read', response)
}

async function register(grants: readonly Grant[], admin: string, region: string): Promise<DemoClient> {
  const registration = { client_name: 'demonstration', grants }
  const response = await fetchSigned('POST', `${admin}/clients`, region, registration)
  if (response.status !== 201) throw await failure('registered', response)
  const { client_id, client_secret } = (await response.json()) as Record<string, unknown>
  if (typeof client_id !== 'string' || typeof client_secret !== 'string') {
    throw new Error('the admin API registered the demonstration client without an id or a secret')
  }
  return { client_id, client_secret, ...registration }
}

async function failure(verb: string, response: Response): Promise<Error> {
  const answer = `${response.status} ${await response.text()}`
  return new Error(`the demonstration client could not be ${verb}: the admin API answered ${answer}`)
}

async function readDemoClient(path: string): Promise<DemoClient | undefined> {
  try {
    const { client_id, client_secret, client_name, grants } = JSON.parse(await readFile(path, 'utf8'))
    if (typeof client_id !== 'string' || typeof client_secret !== 'string') return undefined
    return { client_id, client_secret, client_name, grants }
  } catch {
    return undefined
  }
}
