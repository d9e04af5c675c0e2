import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ensureDemoClient } from '../../local/demo-client.ts'
import { listen } from '../../local/gateway/server.ts'
import { verifySignature } from '../../local/gateway/sigv4.ts'

const region = 'us-east-1'
const scope = { accountId: '000000000000', region }

const orders = { audience: 'https://orders.example.com', scopes: [{ scope: 'read' }, { scope: 'write' }] }
const payments = { audience: 'https://payments.example.com', scopes: [{ scope: 'pay' }] }

/** An admin API that knows the clients it registered, behind the gateway's own check of signatures. */
async function adminApi(resource_servers: object[] = [orders, payments]) {
  const server = await listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  const clients = new Map<string, unknown>()
  const requests: string[] = []
  server.serve(request => {
    const answer = (statusCode: number, body: object) =>
      Promise.resolve({ statusCode, headers: [], body: Buffer.from(JSON.stringify(body)) })
    requests.push(`${request.method} ${request.rawPath}`)
    if (verifySignature(request, scope) === undefined) return answer(403, { message: 'Forbidden' })
    if (request.method === 'POST') {
      const client_id = `client-${clients.size + 1}`
      clients.set(`/admin/clients/${client_id}`, JSON.parse(request.body.toString()))
      return answer(201, { client_id, client_secret: `secret of ${client_id}`, client_secret_expires_at: 0 })
    }
    if (request.rawPath === '/admin/resource-servers') return answer(200, { resource_servers })
    return clients.has(request.rawPath) ? answer(200, {}) : answer(404, { error: 'not_found' })
  })
  const endpoints = { admin: `http://127.0.0.1:${server.port}/admin`, region }
  return { endpoints, clients, requests, resource_servers }
}

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-demo-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('the demonstration client', () => {
  it('is registered once, with everything granted, and kept for its owner alone', async () => {
    const { endpoints, clients, requests } = await adminApi()
    const dataDir = await dataFolder()
    const client = await ensureDemoClient(dataDir, endpoints)
    const grants = [
      { resource: 'https://orders.example.com', scope: 'read write' },
      { resource: 'https://payments.example.com', scope: 'pay' },
    ]
    expect(client).toEqual({
      client_id: 'client-1',
      client_secret: 'secret of client-1',
      client_name: 'demonstration',
      grants,
    })
    expect([...clients.values()]).toEqual([{ client_name: 'demonstration', grants }])
    const file = join(dataDir, 'demo-client.json')
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(client)
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    expect(await ensureDemoClient(dataDir, endpoints)).toEqual(client)
    expect(requests).toEqual([
      'GET /admin/resource-servers',
      'POST /admin/clients',
      'GET /admin/resource-servers',
      'GET /admin/clients/client-1',
    ])
  })

  it('is registered anew when the server does not know it, or the file cannot be read', async () => {
    const { endpoints, clients } = await adminApi()
    const dataDir = await dataFolder()
    await ensureDemoClient(dataDir, endpoints)
    clients.clear()
    clients.set('another one', {})
    expect((await ensureDemoClient(dataDir, endpoints))?.client_id).toBe('client-2')
    await writeFile(join(dataDir, 'demo-client.json'), '{')
    expect((await ensureDemoClient(dataDir, endpoints))?.client_id).toBe('client-3')
  })

  it('is registered anew when there is something else to be granted, and not at all for nothing', async () => {
    const { endpoints, resource_servers } = await adminApi([])
    const dataDir = await dataFolder()
    expect(await ensureDemoClient(dataDir, endpoints)).toBeUndefined()
    resource_servers.push(orders)
    expect((await ensureDemoClient(dataDir, endpoints))?.client_id).toBe('client-1')
    resource_servers.push(payments)
    const client = await ensureDemoClient(dataDir, endpoints)
    expect([client?.client_id, client?.grants.length]).toEqual(['client-2', 2])
  })

  it('is not granted more scopes than a token carries', async () => {
    const scopes = Array.from({ length: 200 }, (_, index) => ({ scope: `orders:scope-${index}` }))
    const { endpoints } = await adminApi([{ ...orders, scopes }, payments])
    const client = await ensureDemoClient(await dataFolder(), endpoints)
    expect(client?.grants).toEqual([{ resource: 'https://payments.example.com', scope: 'pay' }])
  })

  it('that cannot be registered is an error with what the admin API answered', async () => {
    const { endpoints } = await adminApi()
    const elsewhere = { ...endpoints, region: 'eu-west-1' }
    await expect(ensureDemoClient(await dataFolder(), elsewhere)).rejects.toThrow(
      'the demonstration client could not be granted anything: the admin API answered 403 {"message":"Forbidden"}',
    )
  })
})
