import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { SigningKeysTable } from '../../../lambda/adapters/signing-keys-table.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { startLocalStore, storeClient } from '../support/local-store.ts'
import { nowSeconds, recordedLines } from '../support/recorded-lines.ts'
import { signingKeyPair } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const recorded = recordedLines('keeper')
const ringNamed = (ring: string) =>
  new SigningKeysTable(storeClient(proxy.url), 'SigningKeys', ring, recorded.records)

afterAll(() => Promise.all([proxy.close(), store.close()]))
beforeEach(() => proxy.reset())

const standbyKey = () => signingKeyPair({ state: 'standby', signFrom: undefined }).key

describe('a change of a signing key', () => {
  it('leads from standby to active to retiring, each once, and then the key can be removed', async () => {
    const ring = ringNamed('life')
    const key = standbyKey()
    await ring.put(key)
    await ring.activate(key, nowSeconds)
    await ring.activate(key, nowSeconds + 5)
    expect(await ring.read()).toEqual([{ ...key, state: 'active', signFrom: nowSeconds }])
    await ring.retire(key, nowSeconds + 60)
    await ring.retire(key, nowSeconds + 600)
    const retiring = { ...key, state: 'retiring', signFrom: nowSeconds, verifyUntil: nowSeconds + 60 }
    expect(await ring.read()).toEqual([retiring])
    await ring.remove(key, nowSeconds + 59)
    expect(await ring.read()).toEqual([retiring])
    await ring.remove(key, nowSeconds + 60)
    expect(await ring.read()).toEqual([])
    await ring.remove(key, nowSeconds + 60)
  })

  it('never brings a revoked key back', async () => {
    const ring = ringNamed('revoked')
    const key = signingKeyPair().key
    await ring.put(key)
    await ring.revoke(key, nowSeconds + 60)
    await ring.retire(key, nowSeconds + 600)
    await ring.activate(key, nowSeconds)
    await ring.put(key)
    expect(await ring.read()).toEqual([{ ...key, state: 'revoked', verifyUntil: nowSeconds + 60 }])
  })

  it('is there when its answer was lost, and one of a key that is not there makes none', async () => {
    const ring = ringNamed('lost')
    const key = standbyKey()
    await ring.put(key)
    proxy.next('lost')
    await ring.activate(key, nowSeconds)
    expect(await ring.read()).toMatchObject([{ state: 'active' }])
    await ring.activate(standbyKey(), nowSeconds)
    expect(await ring.read()).toHaveLength(1)
  })

  it.each(['activate', 'retire', 'revoke', 'remove'] as const)(
    'is unavailable when the store fails: %s',
    async change => {
      const key = signingKeyPair().key
      proxy.always({ status: 500, type: 'InternalServerError' })
      await expect(ringNamed('down')[change](key, nowSeconds)).rejects.toMatchObject({ name: 'Unavailable' })
    },
  )
})

describe('a pending key', () => {
  it('is none of the ring until its public half is put, and can be removed until then', async () => {
    const ring = ringNamed('pending')
    const key = standbyKey()
    const pending = { kid: key.kid, kmsKeyArn: key.kmsKeyArn, createdAt: nowSeconds }
    await ring.putPending(pending)
    expect(await ring.readWithPending()).toEqual({ keys: [], pending: [pending] })
    await ring.put(key)
    expect(await ring.readWithPending()).toEqual({ keys: [key], pending: [] })
    await ring.remove(pending, nowSeconds)
    expect(await ring.read()).toEqual([key])
    const other = { ...pending, kid: 'other' }
    await ring.putPending(other)
    await ring.remove(other, nowSeconds)
    expect(await ring.readWithPending()).toEqual({ keys: [key], pending: [] })
  })
})

describe('a ring of many pages', () => {
  it('is read whole', async () => {
    const [first, second] = [signingKeyPair().key, signingKeyPair().key]
    await ringNamed('paged').put(first)
    await ringNamed('other-page').put(second)
    proxy.next({
      answer: answer => ({ ...answer, LastEvaluatedKey: { ring: { S: 'paged' }, kid: { S: first.kid } } }),
    })
    expect(await ringNamed('paged').read()).toEqual([first])
    expect(proxy.operations.filter(operation => operation === 'Query')).toHaveLength(2)
  })
})
