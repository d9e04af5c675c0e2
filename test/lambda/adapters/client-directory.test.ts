import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ClientDirectoryTable } from '../../../lambda/adapters/client-directory.ts'
import { startFaultServer, throttled } from '../support/fault-server.ts'
import { type Attributes, startLocalStore, storeClient } from '../support/local-store.ts'
import { recordedLines, storeError } from '../support/recorded-lines.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const recorded = recordedLines('api-keys')
const client = storeClient(proxy.url)
const directory = new ClientDirectoryTable(client, 'Clients', recorded.records)

afterAll(async () => {
  client.destroy()
  await Promise.all([proxy.close(), store.close()])
})
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

const row = (clientId: string, status: string): Attributes => ({
  client_id: { S: clientId },
  status: { S: status },
  secret_digests: { M: {} },
  filler: { S: 'x'.repeat(300_000) },
})
for (const [clientId, status] of [
  ['active', 'active'],
  ['disabled', 'disabled'],
  ['deleted', 'deleted'],
] as const)
  await store.put('Clients', row(clientId, status))

describe('the clients that there are', () => {
  it('are the active and the disabled ones, and no deleted one', async () => {
    expect(await directory.all()).toEqual(new Set(['active', 'disabled']))
    const has = ['active', 'disabled', 'deleted', 'unknown'].map(clientId => directory.has(clientId))
    expect(await Promise.all(has)).toEqual([true, true, false, false])
  })

  it('are read consistently, by client_id and status alone', async () => {
    await directory.all()
    await directory.has('active')
    expect(proxy.bodies).toMatchObject(
      ['Scan', 'GetItem'].map(() => ({
        ConsistentRead: true,
        ProjectionExpression: 'client_id, #status',
        ExpressionAttributeNames: { '#status': 'status' },
      })),
    )
  })

  it('are read page after page', async () => {
    for (let index = 0; index < 6; index++) await store.put('Clients', row(`page${index}`, 'active'))
    expect((await directory.all()).size).toBe(8)
    expect(proxy.operations.length).toBeGreaterThan(1)
  })

  it('are unknown while the store does not answer', async () => {
    proxy.always(throttled)
    await expect(directory.all()).rejects.toMatchObject({ name: 'Unavailable', dependency: 'store' })
    await expect(directory.has('active')).rejects.toMatchObject({ name: 'Unavailable', dependency: 'store' })
    expect(recorded.lines).toMatchObject([storeError, storeError])
  })
})
