import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { localCredentials } from '../../local/local-credentials.ts'
import { type RegisteredClient, useLocalStack } from './local-stack.ts'
import { audience, burst, synthesisedThrottling } from './throttled-clients-stack.ts'

const patience = { timeout: 20_000, interval: 200 }

// Each test goes on where the one before has stopped.
describe.sequential('a REST API that throttles by client', () => {
  let assemblyDir = ''
  const stack = useLocalStack(() => {
    assemblyDir = synthesisedThrottling()
    return assemblyDir
  })
  const register = () => stack().register({ grants: [{ resource: audience, scope: 'books:read' }] })
  const call = async (token: string) => {
    const url = stack().url('library', '/books')
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    const retryAfter = response.headers.get('retry-after')
    return { status: response.status, retryAfter, body: JSON.parse(await response.text()) }
  }
  /** The first answer that is not about a missing key. */
  const firstServed = async (token: string) =>
    vi.waitFor(async () => {
      const answer = await call(token)
      expect(answer.status).not.toBe(503)
      return answer
    }, patience)
  const keyNames = async () => {
    const { apigateway: endpoint } = stack().endpoints.aws
    const client = new APIGatewayClient({ endpoint, region: 'us-east-1', credentials: localCredentials })
    const { items = [] } = await client.send(new GetApiKeysCommand({ limit: 500 }))
    client.destroy()
    return items.map(({ name = '' }) => name.split('/').at(-1))
  }
  const throttled = {
    status: 429,
    retryAfter: '1000',
    body: {
      error: 'too_many_requests',
      error_description: 'There are too many requests, send them more slowly',
    },
  }
  const tokens = new Map<string, string>()
  let busy: RegisteredClient
  let calm: RegisteredClient

  it('serves a client that was made just now within seconds, known by its client_id', async () => {
    busy = await register()
    tokens.set('busy', await stack().token(busy))
    expect(await firstServed(tokens.get('busy') ?? '')).toEqual({
      status: 200,
      retryAfter: null,
      body: busy.client_id,
    })
  })

  it('tells a client to wait after its burst, and serves another one meanwhile', async () => {
    for (let used = 1; used < burst; used++) expect((await call(tokens.get('busy') ?? '')).status).toBe(200)
    expect(await call(tokens.get('busy') ?? '')).toEqual(throttled)
    // Another token is no other client.
    expect(await call(await stack().token(busy))).toEqual(throttled)
    calm = await register()
    tokens.set('calm', await stack().token(calm))
    expect((await firstServed(tokens.get('calm') ?? '')).status).toBe(200)
    expect(await call(tokens.get('busy') ?? '')).toEqual(throttled)
  })

  it('takes no key from a caller, and throttles no open method', async () => {
    const headers = { authorization: `Bearer ${tokens.get('busy')}`, 'x-api-key': calm.client_id }
    const url = stack().url('library', '/books')
    expect((await fetch(url, { headers })).status).toBe(429)
    expect((await fetch(url, { headers: { 'x-api-key': calm.client_id } })).status).toBe(401)
    for (let used = 0; used <= burst; used++)
      expect(await stack().call('GET', stack().url('library', '/health'))).toBe(200)
  })

  it('takes the key of a deleted client away', async () => {
    expect(await keyNames()).toEqual(expect.arrayContaining([busy.client_id, calm.client_id]))
    expect((await stack().admin('DELETE', `/clients/${busy.client_id}`)).status).toBe(204)
    await vi.waitFor(async () => expect(await keyNames()).not.toContain(busy.client_id), patience)
    expect(await keyNames()).toContain(calm.client_id)
    expect((await stack().auditEvents('api-key.remove')).map(event => event.clientId)).toEqual([
      busy.client_id,
    ])
  })

  it('finds the keys of its clients again after a restart, and goes on', async () => {
    await stack().redeploy(assemblyDir)
    expect((await call(await stack().token(calm))).status).toBe(200)
    const next = await register()
    expect((await firstServed(await stack().token(next))).status).toBe(200)
    expect(await keyNames()).toEqual(expect.arrayContaining([calm.client_id, next.client_id]))
    expect(await keyNames()).not.toContain(busy.client_id)
  })

  afterAll(() => tokens.clear())
})
