import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from './durable-file.ts'
import type { Endpoints } from './endpoints.ts'
import { fetchSigned } from './sigv4-request.ts'

/** The demonstration client of a local run, as `demo-client.json` in the data folder keeps it. */
export interface DemoClient {
  readonly client_id: string
  readonly client_secret: string
  readonly client_name: string
  readonly grants: readonly { readonly resource: string; readonly scope: string }[]
}

export const demoRegistration = {
  client_name: 'demonstration',
  grants: [
    { resource: 'https://orders.example.com', scope: 'orders:read orders:write' },
    { resource: 'https://payments.example.com', scope: 'payments:read payments:write' },
  ],
} as const

/**
 * The demonstration client: the one that `demo-client.json` keeps, if the server still knows it, else a new
 * one. Its secret lies in that file (mode 0600) because each start prints what to paste; a client that
 * matters has its secret shown once.
 *
 * @throws Error when the admin API refuses or fails
 */
export async function ensureDemoClient(
  dataDir: string,
  { admin, region }: Pick<Endpoints, 'admin' | 'region'>,
): Promise<DemoClient> {
  const path = join(dataDir, 'demo-client.json')
  const kept = await readDemoClient(path)
  if (kept !== undefined && (await isRegistered(kept.client_id, admin, region))) return kept
  const client = await register(admin, region)
  await writeDurably(path, `${JSON.stringify(client, null, 2)}\n`)
  return client
}

async function isRegistered(clientId: string, admin: string, region: string): Promise<boolean> {
  const response = await fetchSigned('GET', `${admin}/clients/${encodeURIComponent(clientId)}`, region)
  if (response.status === 404) return false
  if (response.ok) return true
  throw await failure('read', response)
}

async function register(admin: string, region: string): Promise<DemoClient> {
  const response = await fetchSigned('POST', `${admin}/clients`, region, demoRegistration)
  if (response.status !== 201) throw await failure('registered', response)
  const { client_id, client_secret } = (await response.json()) as Record<string, unknown>
  if (typeof client_id !== 'string' || typeof client_secret !== 'string') {
    throw new Error('the admin API registered the demonstration client without an id or a secret')
  }
  return { client_id, client_secret, ...demoRegistration }
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
