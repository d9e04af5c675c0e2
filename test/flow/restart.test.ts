import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic } from './local-stack.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

let dataDir: string
let port: number
let running: ChildProcess | undefined

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'countersign-restart-'))
  port = await freePort()
})

afterAll(async () => {
  running?.kill('SIGKILL')
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})

/** A port below the ephemeral range with two free ones above it. */
async function freePort(): Promise<number> {
  for (let candidate = 20_000 + (process.pid % 500) * 20; ; candidate += 3) {
    const free = await Promise.all([0, 1, 2].map(offset => isFree(candidate + offset)))
    if (free.every(Boolean)) return candidate
  }
}

async function isFree(candidate: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(candidate, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port === candidate
  } catch {
    return false
  } finally {
    server.close()
  }
}

/** `npm start`, until it says that it is ready. Gives what it printed. */
async function start(): Promise<string[]> {
  const env = { ...process.env, PORT: String(port), COUNTERSIGN_DATA_DIR: dataDir, NO_COLOR: '1' }
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running = child
  const printed: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line)
    if (line.startsWith('Ctrl-C stops')) return printed
  }
  throw new Error(`it ended before it was ready:\n${printed.join('\n')}`)
}

async function end(signal: 'SIGKILL' | 'SIGINT'): Promise<number | null> {
  const child = running
  running = undefined
  if (child === undefined) throw new Error('nothing runs')
  child.kill(signal)
  const [code] = await once(child, 'exit')
  return code
}

const endpoint = (path: string) => `http://127.0.0.1:${port}${path}`

function post(path: string, authorization: string, parameters: Record<string, string>) {
  return fetch(endpoint(path), {
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams(parameters),
  })
}

async function callOrders(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  return (await fetch(`http://127.0.0.1:${port + 1}/orders`, { headers })).status
}

describe('npm start', { timeout: 120_000 }, () => {
  it('keeps registrations, keys and revocations through kill -9, and its next start prints what to paste', async () => {
    const first = await start()
    expect(first.join('\n')).toMatch(/curl .*\/token/)
    const demo = JSON.parse(await readFile(join(dataDir, 'demo-client.json'), 'utf8'))
    expect((await stat(join(dataDir, 'demo-client.json'))).mode & 0o777).toBe(0o600)
    const grant = { grant_type: 'client_credentials', resource: 'https://orders.example.com' }
    const getToken = async () => {
      const response = await post('/token', basic(demo), grant)
      return ((await response.json()) as { access_token: string }).access_token
    }
    const [revoked, kept] = [await getToken(), await getToken()]
    expect(await callOrders(revoked)).toBe(200)
    expect((await post('/revoke', basic(demo), { token: revoked })).status).toBe(200)
    await end('SIGKILL')

    const second = await start()
    expect(second.join('\n')).toContain(demo.client_id)
    expect(await callOrders(revoked)).toBe(401)
    expect(await callOrders(kept)).toBe(200)
    expect(await callOrders(await getToken())).toBe(200)
    const { pid } = JSON.parse(await readFile(join(dataDir, 'endpoints.json'), 'utf8'))
    expect(pid).toBe(running?.pid)

    expect(await end('SIGINT')).toBe(0)
    await expect(fetch(endpoint('/.well-known/jwks.json'))).rejects.toThrow('fetch failed')
    await expect(stat(join(dataDir, 'endpoints.json'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
