import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ResourceServersTable } from '../../../lambda/adapters/resource-servers-table.ts'
import type { ResourceServerRecord } from '../../../lambda/oauth/administration/resource-server-record.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { type Attributes, startLocalStore, storeClient } from '../support/local-store.ts'
import { recordedLines, storeError } from '../support/recorded-lines.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const recorded = recordedLines()
const table = new ResourceServersTable(storeClient(proxy.url), 'ResourceServers', recorded.records)

afterAll(() => Promise.all([proxy.close(), store.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

const record = (audience: string, changes: Partial<ResourceServerRecord> = {}): ResourceServerRecord => ({
  audience,
  scopes: [
    { scope: 'a', description: 'A' },
    { scope: 'b', description: '' },
  ],
  accessTokenLifetimeSeconds: 120,
  managedBy: 'administration',
  version: 1,
  createdAt: 1,
  updatedAt: 2,
  ...changes,
})

describe('ResourceServersTable', () => {
  it('gives a record as it was written, strongly consistent', async () => {
    const written = record('urn:whole')
    expect(await table.write(written, undefined)).toBe(true)
    expect(await table.read('urn:whole')).toEqual(written)
    const without = record('urn:without', { accessTokenLifetimeSeconds: undefined, managedBy: 'deployment' })
    await table.write(without, undefined)
    expect(await table.read('urn:without')).toEqual(without)
    expect(proxy.bodies.filter(({ Key }) => Key).every(({ ConsistentRead }) => ConsistentRead === true)).toBe(
      true,
    )
    expect(await table.read('urn:missing')).toBe(undefined)
    expect(await table.find('urn:whole')).toEqual({
      audience: 'urn:whole',
      scopes: new Set(['a', 'b']),
      accessTokenLifetimeSeconds: 120,
    })
    expect(await table.find('urn:missing')).toBe(undefined)
  })

  it('reads several at once; who is not registered is missing', async () => {
    await table.write(record('urn:one'), undefined)
    proxy.reset()
    const found = await table.readAll(['urn:one', 'urn:missing', 'urn:one'])
    expect(found).toEqual([record('urn:one')])
    expect(proxy.operations).toEqual(['BatchGetItem'])
    expect(await table.readAll([])).toEqual([])
    expect(proxy.operations).toEqual(['BatchGetItem'])
  })

  it('writes on the version that was read, once when the answer was lost', async () => {
    const first = record('urn:versions')
    proxy.next('lost')
    expect(await table.write(first, undefined)).toBe(true)
    expect(await table.write(first, undefined)).toBe(false)
    const second = record('urn:versions', { version: 2 })
    proxy.next('lost')
    expect(await table.write(second, 1)).toBe(true)
    expect(await table.write(record('urn:versions', { version: 3 }), 1)).toBe(false)
    expect(await table.read('urn:versions')).toEqual(second)
    expect(recorded.texts).toEqual([])
  })

  it('removes on the version that was read, also when the answer was lost', async () => {
    await table.write(record('urn:removed'), undefined)
    expect(await table.remove('urn:removed', 2)).toBe(false)
    proxy.next('lost')
    expect(await table.remove('urn:removed', 1)).toBe(true)
    expect(await table.read('urn:removed')).toBe(undefined)
  })

  it('lists page after page', async () => {
    for (const name of ['x', 'y', 'z']) await table.write(record(`urn:list:${name}`), undefined)
    const listed: string[] = []
    for await (const { audience } of table.everyResourceServer()) listed.push(audience)
    expect(listed).toEqual(expect.arrayContaining(['urn:list:x', 'urn:list:y', 'urn:list:z']))
    const first = await table.list(1, undefined)
    expect([first.resourceServers.length, typeof first.next]).toEqual([1, 'string'])
    const second = await table.list(1, first.next)
    expect(second.resourceServers[0]?.audience).not.toBe(first.resourceServers[0]?.audience)
  })

  it('is unavailable when the store is', async () => {
    proxy.always({ status: 500, type: 'InternalServerError' })
    for (const attempt of [
      () => table.read('urn:x'),
      () => table.readAll(['urn:x']),
      () => table.list(1, undefined),
      () => table.write(record('urn:x'), undefined),
      () => table.remove('urn:x', 1),
    ]) {
      await expect(attempt()).rejects.toBeInstanceOf(Unavailable)
    }
  })

  it.each<[string, Attributes, string]>([
    ['another manager', { managed_by: { S: 'evil' } }, 'attribute managed_by is not known'],
    ['scopes of text', { scopes: { S: 'evil' } }, 'attribute scopes is not a list'],
    [
      'a scope that is none',
      { scopes: { L: [{ M: { scope: { S: 'evil scope' }, description: { S: '' } } }] } },
      'attribute scope is not a scope token',
    ],
    [
      'an endless lifetime',
      { access_token_lifetime: { N: '3601' } },
      'attribute access_token_lifetime is out of its limits',
    ],
    ['no version', { version: { S: '1' } }, 'attribute version is not a number'],
  ])('takes a record with %s for none, and reports it without its value', async (name, changes, problem) => {
    const audience = `urn:${name.replaceAll(' ', '-')}`
    await store.put('ResourceServers', {
      audience: { S: audience },
      scopes: { L: [] },
      managed_by: { S: 'administration' },
      version: { N: '1' },
      created_at: { N: '1' },
      updated_at: { N: '1' },
      ...changes,
    })
    expect(await table.find(audience)).toBe(undefined)
    expect(recorded.lines).toMatchObject([
      { table: 'ResourceServers', key: audience, problem, ...storeError },
    ])
    expect(recorded.texts.join('')).not.toContain('evil')
  })
})
