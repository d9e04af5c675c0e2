import { CreateApiKeyCommand, GetApiKeysCommand } from '@aws-sdk/client-api-gateway'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ServerApiKeys } from '../../../lambda/adapters/api-gateway.ts'
import { usageIdentifier } from '../../../lambda/oauth/usage-identifier.ts'
import { apiGatewayClientFor, apiGatewayForTest, planOf } from '../../local/api-gateway/api-gateway-client.ts'
import {
  accessDenied,
  limitExceeded,
  startApiGatewayProxy,
  tooManyRequests,
} from '../support/api-gateway-proxy.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const gateway = await apiGatewayForTest({}, afterAll)
const proxy = await startApiGatewayProxy(gateway.server.url)
const client = apiGatewayClientFor(proxy.url, 3)
const recorded = recordedLines('api-keys')
const settings = { namePrefix: 'countersign/ring/', betweenCallsMilliseconds: 0 }
const keys = new ServerApiKeys(client, settings, recorded.records)
const { usagePlans } = gateway.server

usagePlans.define(planOf('one', { name: 'countersign/ring/One' }))
usagePlans.define(planOf('two', { name: 'countersign/ring/Two' }))
usagePlans.define(planOf('foreign', { name: 'countersign/other/One' }))

afterAll(async () => {
  client.destroy()
  await proxy.close()
})
beforeEach(async () => {
  for (const { id } of usagePlans.keys.keys()) await usagePlans.keys.remove(id)
  recorded.clear()
  proxy.reset()
})

const clientId = (index: number) => `client${String(index).padStart(26, '0')}`
/** A key that somebody else has made. */
const foreign = async (name: string, value: string) =>
  (await gateway.client.send(new CreateApiKeyCommand({ name, value, enabled: true }))).id ?? ''

describe('the API keys of a server', () => {
  it('are enabled, have the name and value of their client, and are found again', async () => {
    const id = await keys.create(clientId(1))
    expect(await keys.find(clientId(1))).toBe(id)
    expect(await keys.keys()).toEqual(new Map([[clientId(1), id]]))
    expect(usagePlans.keys.key(id)).toMatchObject({
      name: `countersign/ring/${clientId(1)}`,
      value: clientId(1),
      enabled: true,
      planIds: [],
    })
  })

  it('have the digest of a client_id that can be no value', async () => {
    const id = await keys.create('billing')
    expect(usagePlans.keys.key(id).value).toBe(usageIdentifier('billing'))
    expect(await keys.find('billing')).toBe(id)
  })

  it('are made once: a keeper that is slower gets the same one', async () => {
    const [first, second] = await Promise.all([keys.create(clientId(1)), keys.create(clientId(1))])
    expect(first).toBe(second)
    expect(usagePlans.keys.keys()).toHaveLength(1)
    expect(recorded.lines).toEqual([])
  })

  it('are not made where a key of somebody else has the value, which stays as it is', async () => {
    const id = await foreign('handmade', clientId(1))
    expect(await keys.create(clientId(1))).toBe('taken')
    expect(usagePlans.keys.key(id)).toMatchObject({ name: 'handmade', planIds: [] })
  })

  it('are those with the prefix: no others are seen, whoever has made them', async () => {
    await foreign('handmade', 'a'.repeat(20))
    await foreign('countersign/other/billing', 'b'.repeat(20))
    await foreign('old countersign/ring/billing', 'c'.repeat(20))
    expect([await keys.keys(), await keys.find('billing')]).toEqual([new Map(), undefined])
  })

  it('are put into a plan, once and for all', async () => {
    const id = await keys.create(clientId(1))
    expect(await keys.isAttached(id, 'one')).toBe(false)
    await keys.attach(id, 'one')
    await keys.attach(id, 'one')
    expect([await keys.isAttached(id, 'one'), await keys.isAttached(id, 'two')]).toEqual([true, false])
    expect([await keys.keysOfPlan('one'), await keys.keysOfPlan('two')]).toEqual([new Set([id]), new Set()])
  })

  it('are removed from their plans as well; one that is gone is no error', async () => {
    const id = await keys.create(clientId(1))
    await keys.attach(id, 'one')
    await keys.remove(id)
    await keys.remove(id)
    expect([await keys.keys(), await keys.keysOfPlan('one')]).toEqual([new Map(), new Set()])
    expect(await keys.isAttached(id, 'one')).toBe(false)
  })

  it('are listed page after page, as their plans are', async () => {
    for (let index = 0; index < 501; index++) {
      const record = { value: clientId(index), enabled: true, createdAt: 0, planIds: ['one'] }
      await usagePlans.keys.add({ ...record, id: `id${index}`, name: `countersign/ring/${clientId(index)}` })
    }
    expect((await keys.keys()).size).toBe(501)
    expect((await keys.keysOfPlan('one')).size).toBe(501)
    expect(proxy.calls).toEqual([
      'GET /apikeys?limit=500',
      'GET /apikeys?limit=500&position=500',
      'GET /usageplans/one/keys?limit=500',
      'GET /usageplans/one/keys?limit=500&position=500',
    ])
  })

  it('refuse to be in a plan beside another one of the same stage', async () => {
    usagePlans.define(planOf('handmade', { stages: planOf('one').stages }))
    const id = await keys.create(clientId(1))
    await keys.attach(id, 'handmade')
    await expect(keys.attach(id, 'one')).rejects.toMatchObject({ dependency: 'api_gateway' })
    expect(recorded.lines).toMatchObject([
      { level: 'WARN', message: 'api_gateway call failed', error: 'ConflictException' },
    ])
  })
})

describe('the usage plans of a server', () => {
  it('are those with the prefix', async () => {
    expect(await keys.plans()).toEqual(['one', 'two'])
  })
})

describe('API Gateway', () => {
  it('is asked again when it throttles, and nobody hears of it', async () => {
    proxy.refuse(/^POST \/apikeys/, tooManyRequests, 2)
    expect(await keys.create(clientId(1))).toBe(await keys.find(clientId(1)))
    expect(proxy.calls.filter(call => call.startsWith('POST'))).toHaveLength(3)
    expect(recorded.lines).toEqual([])
  })

  it.each([
    ['throttles for long', tooManyRequests],
    ['has as many keys as it may have', limitExceeded],
    ['refuses the role', accessDenied],
  ])('is unavailable when it %s, and the log has the name of the error', async (_, refusal) => {
    proxy.refuse(/^POST \/apikeys/, refusal)
    await expect(keys.create(clientId(1))).rejects.toMatchObject({
      name: 'Unavailable',
      dependency: 'api_gateway',
    })
    expect(recorded.lines).toMatchObject([
      { level: 'WARN', message: 'api_gateway call failed', error: refusal.type },
    ])
  })

  it('is called five times a second and no faster', async () => {
    const paced = new ServerApiKeys(client, { namePrefix: 'countersign/ring/' }, recorded.records)
    const startedAt = performance.now()
    await Promise.all([paced.plans(), paced.plans(), paced.plans()])
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(395)
  })

  it('is told no more than it has to know: a name and a value that are no secrets', async () => {
    await keys.create(clientId(1))
    const { items } = await gateway.client.send(new GetApiKeysCommand({}))
    expect(items).toMatchObject([
      { description: 'Countersign: by this key usage plans know the client. It is no credential.' },
    ])
  })
})
