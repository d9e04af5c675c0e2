import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, inject, it } from 'vitest'
import { signRequest } from '../../bin/sigv4.ts'
import type { Endpoints } from '../../local/endpoints.ts'
import { isPortFree } from '../../local/free-port.ts'
import { localCredentials } from '../../local/local-credentials.ts'
import { basic, orders, type RegisteredClient } from '../flow/local-stack.ts'

const program = fileURLToPath(new URL('../attacks/support/local-stack-process.ts', import.meta.url))
const dataDir = await mkdtemp(join(tmpdir(), 'countersign-killed-'))
let running: ChildProcess | undefined
let endpoints: Endpoints

afterAll(async () => {
  if (running !== undefined && running.exitCode === null && running.signalCode === null) {
    const exit = once(running, 'exit')
    running.disconnect()
    await exit
  }
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})

/** A port below the ephemeral range with two free ones above it: the issuer must be the same after a restart. */
async function freePorts(): Promise<number> {
  for (let port = 8000 + (process.pid % 250) * 15; ; port += 3) {
    const free = await Promise.all([0, 1, 2].map(offset => isPortFree(port + offset)))
    if (free.every(Boolean)) return port
  }
}

async function start(port: number): Promise<void> {
  const options = JSON.stringify({ port, dataDir, assemblyDir: inject('assemblyDir') })
  running = fork(program, [options], { execArgv: ['--import', 'tsx'] })
  ;[endpoints] = (await once(running, 'message')) as [Endpoints]
}

async function kill(): Promise<void> {
  const exit = running && once(running, 'exit')
  running?.kill('SIGKILL')
  expect(await exit).toEqual([null, 'SIGKILL'])
}

/** What a change came to: acknowledged, refused, or nobody knows. */
type Outcome<T> =
  | { readonly known: true; readonly status: number; readonly body: T }
  | { readonly known: false }

async function administer<T>(method: string, path: string, body?: object): Promise<Outcome<T>> {
  try {
    const url = new URL(`${endpoints.admin}${path}`)
    const content = body === undefined ? '' : JSON.stringify(body)
    const scope = {
      credentials: localCredentials,
      region: endpoints.region,
      service: 'execute-api',
      now: new Date(),
    }
    const headers = signRequest({ method, url, headers: {}, body: content }, scope)
    const response = await fetch(url, { method, headers, body: content === '' ? null : content })
    const text = await response.text()
    const answer = {
      known: true,
      status: response.status,
      body: text === '' ? {} : JSON.parse(text),
    } as const
    // A gateway whose function is gone says 5xx: whether the write was done is not in that.
    return response.status >= 500 ? { known: false } : answer
  } catch {
    return { known: false }
  }
}

async function register(): Promise<RegisteredClient | undefined> {
  const grants = [{ resource: orders, scope: 'orders:read' }]
  const outcome = await administer<RegisteredClient>('POST', '/clients', { client_name: 'killed', grants })
  return outcome.known && outcome.status === 201 ? outcome.body : undefined
}

type Credentials = Pick<RegisteredClient, 'client_id' | 'client_secret'>

async function requestToken(client: Credentials): Promise<{ status: number; token: string }> {
  const headers = { authorization: basic(client) }
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const response = await fetch(endpoints.tokenEndpoint, { method: 'POST', headers, body })
  const { access_token: token = '' } = (await response.json()) as { access_token?: string }
  return { status: response.status, token }
}

async function call(token: string): Promise<number> {
  const response = await fetch(`${endpoints.apis.orders}/orders`, {
    headers: { authorization: `Bearer ${token}` },
  })
  await response.arrayBuffer()
  return response.status
}

/** What was acknowledged before the kill. */
class Acknowledged {
  readonly registered: RegisteredClient[] = []
  readonly disabled: { client: RegisteredClient; token: string }[] = []
  readonly revoked: string[] = []
  readonly rotated: Credentials[] = []
  readonly untouched: string[] = []

  get counts(): number[] {
    return [this.registered, this.disabled, this.revoked, this.rotated].map(({ length }) => length)
  }
}

/** One round of every kind of change; false when something was not acknowledged. */
async function change(acknowledged: Acknowledged): Promise<boolean> {
  const client = await register()
  if (client === undefined) return false
  acknowledged.registered.push(client)
  const { client_id: id } = client
  const tokens = [await requestToken(client), await requestToken(client)]
  const [first, second] = tokens.map(({ token }) => token)
  if (!first || !second) return false
  const revoked = await administer('POST', '/tokens/revoke', { token: first })
  if (!revoked.known || revoked.status !== 200) return false
  acknowledged.revoked.push(first)
  if (acknowledged.registered.length % 2 === 0) {
    const disabled = await administer('POST', `/clients/${id}/disable`)
    if (!disabled.known || disabled.status !== 200) return false
    acknowledged.disabled.push({ client, token: second })
    return true
  }
  acknowledged.untouched.push(second)
  const added = await administer<RegisteredClient>('POST', `/clients/${id}/secrets`)
  if (!added.known || added.status !== 201) return false
  acknowledged.rotated.push({ client_id: id, client_secret: added.body.client_secret })
  return true
}

/** Every client that is listed, page by page. */
async function everyClient(): Promise<Record<string, unknown>[]> {
  const clients: Record<string, unknown>[] = []
  let next = ''
  do {
    const query = next === '' ? '' : `&next_token=${next}`
    const page = await administer<{ clients: typeof clients; next_token?: string }>(
      'GET',
      `/clients?limit=20${query}`,
    )
    if (!page.known || page.status !== 200) throw new Error('the clients cannot be listed')
    clients.push(...page.body.clients)
    next = page.body.next_token ?? ''
  } while (next !== '')
  return clients
}

it('F32: what was acknowledged is there after kill -9, and the rest is whole', {
  timeout: 90_000,
}, async () => {
  const port = await freePorts()
  await start(port)
  const acknowledged = new Acknowledged()
  let isKilled = false
  const worker = async () => {
    while (!isKilled)
      if (!(await change(acknowledged).catch(() => false)) && !isKilled) throw new Error('refused')
  }
  const workers = Promise.allSettled([worker(), worker(), worker()])
  await expect
    .poll(() => Math.min(...acknowledged.counts), { timeout: 30_000, interval: 5 })
    .toBeGreaterThanOrEqual(3)
  isKilled = true
  await kill()
  expect((await workers).map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'))

  await start(port)
  const disabled = new Set(acknowledged.disabled.map(({ client }) => client.client_id))
  for (const token of acknowledged.revoked) expect(await call(token)).toBe(401)
  for (const { client, token } of acknowledged.disabled) {
    expect((await requestToken(client)).status).toBe(401)
    expect(await call(token)).toBe(401)
  }
  for (const token of acknowledged.untouched) expect(await call(token)).toBe(200)
  for (const credentials of acknowledged.rotated) expect((await requestToken(credentials)).status).toBe(200)

  const clients = await everyClient()
  const byId = new Map(clients.map(client => [client.client_id, client]))
  for (const client of acknowledged.registered) {
    const stored = byId.get(client.client_id)
    expect(stored).toMatchObject({
      client_name: 'killed',
      grants: [{ resource: orders, scope: 'orders:read' }],
    })
    // One whose disabling nobody was told the end of may be either.
    if (stored?.status === 'active') expect((await requestToken(client)).status).toBe(200)
    if (disabled.has(client.client_id)) expect(stored?.status).toBe('disabled')
  }
  // Also of those that nobody was told of, none is half a client.
  for (const { status, secrets, version } of clients.filter(client => client.client_name === 'killed')) {
    expect(['active', 'disabled']).toContain(status)
    expect((secrets as unknown[]).length).toBeGreaterThanOrEqual(1)
    expect(version).toBeGreaterThanOrEqual(1)
  }
})
