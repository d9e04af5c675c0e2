import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { SingleUseTable, secretUseId } from '../../../lambda/adapters/single-use-table.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { startLocalStore, storeClient } from '../support/local-store.ts'
import { nowSeconds, recordedLines } from '../support/recorded-lines.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const client = storeClient(proxy.url)
const recorded = recordedLines()

/** Each table object is one execution environment: it remembers what it wrote. */
const environment = () => new SingleUseTable(client, 'SingleUse', recorded.records)

afterAll(() => Promise.all([proxy.close(), store.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

const day = 86_400
const rowOf = (id: string) => store.get('SingleUse', { id: { S: id } })

describe('noting that a secret was used', () => {
  it('writes the day in UTC, kept for 400 days', async () => {
    await environment().recordSecretUse('noted', 's1', nowSeconds)
    expect(await rowOf('secret-use#noted#s1')).toEqual({
      id: { S: 'secret-use#noted#s1' },
      day: { S: '2026-01-02' },
      expires_at: { N: String(nowSeconds + 400 * day) },
    })
  })

  it('writes once a day and secret, not at each use', async () => {
    const table = environment()
    for (const seconds of [0, 1, 2, day]) await table.recordSecretUse('daily', 's1', nowSeconds + seconds)
    await table.recordSecretUse('daily', 's2', nowSeconds)
    expect(proxy.operations).toEqual(['PutItem', 'PutItem', 'PutItem'])
    expect(await rowOf('secret-use#daily#s1')).toMatchObject({ day: { S: '2026-01-03' } })
    expect(await rowOf('secret-use#daily#s2')).toMatchObject({ day: { S: '2026-01-02' } })
  })

  it('leaves what another environment wrote that day, and reports no failure', async () => {
    await environment().recordSecretUse('shared', 's1', nowSeconds)
    await environment().recordSecretUse('shared', 's1', nowSeconds + 60)
    expect(await rowOf('secret-use#shared#s1')).toMatchObject({
      expires_at: { N: String(nowSeconds + 400 * day) },
    })
    expect(recorded.texts).toEqual([])
  })

  it('never goes back to an earlier day', async () => {
    await environment().recordSecretUse('backwards', 's1', nowSeconds)
    await environment().recordSecretUse('backwards', 's1', nowSeconds - day)
    expect(await rowOf('secret-use#backwards#s1')).toMatchObject({ day: { S: '2026-01-02' } })
  })

  it('never fails when the store does: it is counted, and not tried again that day', async () => {
    const table = environment()
    proxy.always('reset')
    await table.recordSecretUse('unlucky', 's1', nowSeconds)
    await table.recordSecretUse('unlucky', 's1', nowSeconds + 1)
    expect(proxy.operations).toEqual(['PutItem', 'PutItem'])
    expect(recorded.lines).toMatchObject([{ level: 'WARN', message: 'store call failed', StoreErrors: 1 }])
  })

  it('remembers a thousand secrets at most', async () => {
    const table = environment()
    proxy.always({ status: 400, type: 'AccessDeniedException' })
    for (let index = 0; index < 1000; index++) await table.recordSecretUse('many', `s${index}`, nowSeconds)
    await table.recordSecretUse('many', 's0', nowSeconds)
    expect(proxy.operations).toHaveLength(1000)
    await table.recordSecretUse('many', 's1000', nowSeconds)
    await table.recordSecretUse('many', 's0', nowSeconds)
    expect(proxy.operations).toHaveLength(1002)
  })
})

describe('reading when secrets were last used', () => {
  it('gives the day of each secret that was used, and nothing for one that never was', async () => {
    await environment().recordSecretUse('read', 's1', nowSeconds)
    const ids = ['s1', 's2'].map(secretId => secretUseId('read', secretId))
    expect(await environment().lastUsed(ids)).toEqual(new Map([['secret-use#read#s1', '2026-01-02']]))
  })

  it('asks for nothing when there are no secrets', async () => {
    expect(await environment().lastUsed([])).toEqual(new Map())
    expect(proxy.operations).toEqual([])
  })

  it('reads a hundred at a time, all that a batch may have', async () => {
    const ids = Array.from({ length: 201 }, (_, index) => secretUseId('batch', `s${index}`))
    await environment().recordSecretUse('batch', 's0', nowSeconds)
    await environment().recordSecretUse('batch', 's200', nowSeconds)
    expect([...(await environment().lastUsed(ids)).keys()]).toEqual([ids[0], ids[200]])
    expect(proxy.operations.slice(2)).toEqual(['BatchGetItem', 'BatchGetItem', 'BatchGetItem'])
  })

  it('is unavailable when the store fails', async () => {
    proxy.always('reset')
    const read = await environment()
      .lastUsed(['any'])
      .catch((thrown: unknown) => thrown)
    expect(read).toBeInstanceOf(Unavailable)
  })

  it('is unavailable when some key was not read: a secret in use must not look unused', async () => {
    const UnprocessedKeys = { SingleUse: { Keys: [{ id: { S: 'unread' } }] } }
    proxy.next({ answer: answer => ({ ...answer, UnprocessedKeys }) })
    const read = await environment()
      .lastUsed(['unread'])
      .catch((thrown: unknown) => thrown)
    expect(read).toBeInstanceOf(Unavailable)
  })

  it('leaves out a row that cannot be read: it is a note about one secret', async () => {
    await store.put('SingleUse', { id: { S: 'malformed' }, day: { N: '20260102' } })
    await environment().recordSecretUse('beside', 's1', nowSeconds)
    const days = await environment().lastUsed(['malformed', secretUseId('beside', 's1')])
    expect(days).toEqual(new Map([['secret-use#beside#s1', '2026-01-02']]))
  })
})
