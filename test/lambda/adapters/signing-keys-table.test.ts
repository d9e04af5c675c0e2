import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { SigningKeysTable } from '../../../lambda/adapters/signing-keys-table.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { type Attributes, startLocalStore, storeClient } from '../support/local-store.ts'
import { nowSeconds, recordedLines, storeError } from '../support/recorded-lines.ts'
import { signingKeyItem, signingKeyPair } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const recorded = recordedLines()
const ringNamed = (ring: string) =>
  new SigningKeysTable(storeClient(proxy.url), 'SigningKeys', ring, recorded.records)

afterAll(() => Promise.all([proxy.close(), store.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

describe('SigningKeysTable', () => {
  it('gives the keys as they were put, those of its own ring only', async () => {
    const mine = ringNamed('mine')
    const active = signingKeyPair().key
    const retiring = signingKeyPair({ state: 'retiring', verifyUntil: nowSeconds + 60 }).key
    const standby = signingKeyPair({
      state: 'standby',
      signFrom: undefined,
      wrappedPrivateKey: new Uint8Array([1, 2, 3]),
    }).key
    for (const key of [active, retiring, standby]) await mine.put(key)
    await ringNamed('theirs').put(signingKeyPair().key)
    const keys = await mine.read()
    expect(keys.toSorted((a, b) => (a.state < b.state ? -1 : 1))).toEqual([active, retiring, standby])
    expect(recorded.texts).toEqual([])
  })

  it('puts the row that other versions of the functions read', async () => {
    const { key } = signingKeyPair({ verifyUntil: nowSeconds + 60 })
    await ringNamed('written').put(key)
    const row = await store.get('SigningKeys', { ring: { S: 'written' }, kid: { S: key.kid } })
    expect(row).toEqual(signingKeyItem('written', key, { verify_until: { N: String(nowSeconds + 60) } }))
  })

  it('puts a key once when the answer was lost and the write is repeated', async () => {
    const { key } = signingKeyPair()
    proxy.next('lost')
    await ringNamed('put-lost').put(key)
    expect(proxy.operations).toEqual(['PutItem', 'PutItem'])
    expect(await ringNamed('put-lost').read()).toEqual([key])
  })

  it('reads the ring in one strongly consistent query', async () => {
    await ringNamed('asked').read()
    expect(proxy.operations).toEqual(['Query'])
    expect(proxy.bodies[0]).toEqual({
      TableName: 'SigningKeys',
      KeyConditionExpression: 'ring = :ring',
      ExpressionAttributeValues: { ':ring': { S: 'asked' } },
      ConsistentRead: true,
    })
  })

  it('is unavailable when the store fails', async () => {
    proxy.always({ status: 500, type: 'InternalServerError' })
    const read = await ringNamed('down')
      .read()
      .catch((thrown: unknown) => thrown)
    expect(read).toBeInstanceOf(Unavailable)
    expect(proxy.operations).toEqual(['Query', 'Query'])
  })
})

const marker = 'do-not-print-me'
const jwk = (members: unknown): Attributes => ({ public_jwk: { S: JSON.stringify(members) } })
const { publicJwk } = signingKeyPair().key
const noType = 'attribute public_jwk has another kty than EC, OKP or RSA'
const notCanonical = 'attribute public_jwk has members that are not canonical base64url without padding'

describe('a malformed signing key', () => {
  it.each<[string, Attributes, string]>([
    ['algorithm other', { algorithm: { S: 'HS256' } }, 'attribute algorithm is not supported'],
    ['algorithm missing', { algorithm: { NULL: true } }, 'attribute algorithm is not a string'],
    ['key not JSON', { public_jwk: { S: marker } }, 'attribute public_jwk is not JSON'],
    ['key null', jwk(null), noType],
    ['key a list', jwk([publicJwk]), noType],
    [
      'key of another curve',
      jwk({ ...publicJwk, crv: 'P-384' }),
      'attribute public_jwk has another crv than P-256',
    ],
    ['key symmetric', jwk({ kty: 'oct', k: marker }), noType],
    ['coordinate missing', jwk({ ...publicJwk, y: undefined }), notCanonical],
    ['coordinate padded', jwk({ ...publicJwk, x: `${publicJwk.x}=` }), notCanonical],
    [
      'coordinate short',
      jwk({ ...publicJwk, x: 'AA' }),
      'attribute public_jwk has coordinates that are not 32 octets long',
    ],
    ['KMS key missing', { kms_key_arn: { N: '1' } }, 'attribute kms_key_arn is not a string'],
    ['state unknown', { state: { S: marker } }, 'attribute state is not known'],
    ['creation missing', { created_at: { S: marker } }, 'attribute created_at is not a number'],
    ['start malformed', { sign_from: { NULL: true } }, 'attribute sign_from is not a number'],
    [
      'members that no key has',
      jwk({ ...publicJwk, key_ops: ['verify'] }),
      'attribute public_jwk has other members than a published key',
    ],
    [
      'private key not binary',
      { wrapped_private_key: { S: marker } },
      'attribute wrapped_private_key is not binary',
    ],
    ['end broken', { verify_until: { N: '1.5' } }, 'attribute verify_until is not a number'],
    ['end text', { verify_until: { S: marker } }, 'attribute verify_until is not a number'],
  ])('spoils the ring, and is reported without its value: %s', async (title, changes, problem) => {
    const good = signingKeyPair().key
    const bad = signingKeyPair().key
    await store.put('SigningKeys', signingKeyItem(title, good))
    await store.put('SigningKeys', signingKeyItem(title, bad, changes))
    await expect(ringNamed(title).read()).rejects.toBeInstanceOf(Unavailable)
    expect(recorded.lines).toEqual([
      {
        timestamp: '2026-01-02T03:04:05.000Z',
        level: 'ERROR',
        service: 'token',
        message: 'malformed record',
        table: 'SigningKeys',
        key: bad.kid,
        problem,
        ...storeError,
      },
    ])
    expect(recorded.texts.join('')).not.toContain(marker)
  })

  it('is an active one that does not say since when', async () => {
    const { key } = signingKeyPair()
    const { sign_from: _, ...item } = signingKeyItem('no-start', key)
    await store.put('SigningKeys', item)
    await expect(ringNamed('no-start').read()).rejects.toBeInstanceOf(Unavailable)
    expect(recorded.lines).toMatchObject([{ problem: 'attribute sign_from is missing' }])
  })

  it('is one whose identifier has characters that no identifier has', async () => {
    const { key } = signingKeyPair({ kid: 'kid#1' })
    await store.put('SigningKeys', signingKeyItem('bad-kid', key))
    await expect(ringNamed('bad-kid').read()).rejects.toBeInstanceOf(Unavailable)
    expect(recorded.lines).toMatchObject([{ problem: 'attribute kid is not a key identifier' }])
  })
})
