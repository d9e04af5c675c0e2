import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ClientsAdministrationTable } from '../../../lambda/adapters/clients-administration-table.ts'
import { digestSecret } from '../../../lambda/oauth/client-secret.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { clientItem, clientRecord, clientSecret, secretId } from '../support/client-item.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { startLocalStore, storeClient } from '../support/local-store.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const recorded = recordedLines('admin')
const clients = new ClientsAdministrationTable(storeClient(proxy.url), 'Clients', recorded.records)

afterAll(() => Promise.all([proxy.close(), store.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

const row = (clientId: string) => store.get('Clients', { client_id: { S: clientId } })
const digest = { add: { secretId, digest: digestSecret(clientSecret) } }
const digestIds = async (clientId: string) =>
  Object.keys((await row(clientId))?.secret_digests?.M ?? {}).toSorted()
const otherDigest = { secretId: 'fedcba9876543210', digest: new Uint8Array(32).fill(9) }

describe('creating a client', () => {
  it('stores every member, and of the secret its digest only', async () => {
    await clients.create(clientRecord('created', { accessTokenLifetimeSeconds: 120 }), digest)
    const { write_id, ...item } = (await row('created')) ?? {}
    const { write_id: _, ...expected } = clientItem('created', { access_token_lifetime: { N: '120' } })
    const digests = { M: { [secretId]: { B: new Uint8Array(digestSecret(clientSecret)) } } }
    expect(item).toEqual({ ...expected, secret_digests: digests })
    expect(write_id?.S).toMatch(/^[0-9a-f-]{36}$/)
    expect(JSON.stringify(proxy.bodies)).not.toContain(clientSecret)
  })

  it('is done when the answer to its write was lost and the write is repeated', async () => {
    proxy.next('lost')
    await clients.create(clientRecord('create-lost'), digest)
    expect(proxy.operations).toEqual(['PutItem', 'PutItem'])
    expect((await row('create-lost'))?.version).toEqual({ N: '1' })
    expect(recorded.texts).toEqual([])
  })

  it('never replaces a client that has the same identifier, deleted or not', async () => {
    await store.put('Clients', clientItem('taken', { status: { S: 'deleted' } }))
    const error = await clients.create(clientRecord('taken'), digest).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Unavailable)
    expect((await row('taken'))?.status).toEqual({ S: 'deleted' })
  })

  it('is unavailable when nobody knows whether it was stored', async () => {
    proxy.always('reset')
    const error = await clients.create(clientRecord('reset'), digest).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Unavailable)
    expect(await row('reset')).toBe(undefined)
  })
})

describe('replacing a client', () => {
  it('writes every member on the version that was read', async () => {
    await store.put('Clients', clientItem('replaced', { access_token_lifetime: { N: '120' } }))
    const changed = clientRecord('replaced', { clientName: 'Renamed', status: 'disabled', version: 2 })
    expect(await clients.replace(changed, 1, {})).toBe(true)
    const { write_id, ...item } = (await row('replaced')) ?? {}
    const { write_id: first, ...expected } = clientItem('replaced', {
      client_name: { S: 'Renamed' },
      status: { S: 'disabled' },
      version: { N: '2' },
    })
    const digests = { M: { [secretId]: { B: new Uint8Array(digestSecret(clientSecret)) } } }
    expect(item).toEqual({ ...expected, secret_digests: digests })
    expect(write_id).not.toEqual(first)
  })

  it('is refused when another change came first, and changes nothing', async () => {
    await store.put('Clients', clientItem('conflict', { version: { N: '7' } }))
    expect(await clients.replace(clientRecord('conflict', { clientName: 'Late', version: 7 }), 6, {})).toBe(
      false,
    )
    expect(await row('conflict')).toMatchObject({ client_name: { S: 'Nightly export' }, version: { N: '7' } })
    expect(recorded.texts).toEqual([])
  })

  it('never makes a client that is not there', async () => {
    expect(await clients.replace(clientRecord('never-made', { version: 2 }), 1, {})).toBe(false)
    expect(await row('never-made')).toBe(undefined)
  })

  it('is done when the answer to its write was lost and the write is repeated', async () => {
    await store.put('Clients', clientItem('replace-lost'))
    proxy.next('lost')
    expect(await clients.replace(clientRecord('replace-lost', { version: 2 }), 1, {})).toBe(true)
    expect(proxy.operations).toEqual(['UpdateItem', 'UpdateItem'])
    expect((await row('replace-lost'))?.version).toEqual({ N: '2' })
  })

  it('is refused when another change came between a lost answer and the repetition', async () => {
    await store.put('Clients', clientItem('overtaken'))
    const overtake = () => store.put('Clients', clientItem('overtaken', { version: { N: '9' } }))
    proxy.next({ before: overtake })
    expect(await clients.replace(clientRecord('overtaken', { version: 2 }), 1, {})).toBe(false)
    expect((await row('overtaken'))?.version).toEqual({ N: '9' })
  })

  it('lets exactly one of ten changes of one version through', async () => {
    await store.put('Clients', clientItem('contended'))
    const names = Array.from({ length: 10 }, (_, index) => `Writer ${index}`)
    const won = await Promise.all(
      names.map(clientName => clients.replace(clientRecord('contended', { clientName, version: 2 }), 1, {})),
    )
    expect(won.filter(Boolean)).toHaveLength(1)
    expect((await row('contended'))?.client_name).toEqual({ S: names[won.indexOf(true)] })
  })

  it('adds the digest of a new secret and takes out those of removed ones', async () => {
    await store.put('Clients', clientItem('rotated'))
    await clients.replace(clientRecord('rotated', { version: 2 }), 1, { add: otherDigest })
    expect(await digestIds('rotated')).toEqual([secretId, otherDigest.secretId])
    await clients.replace(clientRecord('rotated', { version: 3 }), 2, { remove: [secretId] })
    expect((await row('rotated'))?.secret_digests).toEqual({
      M: { [otherDigest.secretId]: { B: otherDigest.digest } },
    })
  })

  it('exchanges digests in one write', async () => {
    await store.put('Clients', clientItem('exchanged'))
    const exchange = { add: otherDigest, remove: [secretId, 'never-there'] }
    expect(await clients.replace(clientRecord('exchanged', { version: 2 }), 1, exchange)).toBe(true)
    expect(await digestIds('exchanged')).toEqual([otherDigest.secretId])
  })

  it('asks for nothing back: its role may not read what it writes', async () => {
    await store.put('Clients', clientItem('silent'))
    await clients.replace(clientRecord('silent', { version: 2 }), 1, { add: otherDigest })
    const [body = {}] = proxy.bodies
    expect(Object.keys(body).filter(name => name.startsWith('Return'))).toEqual([])
    expect(String(body.ConditionExpression)).not.toContain('digest')
  })
})

describe('reading a client', () => {
  it('gives the record as it was written', async () => {
    const record = clientRecord('round-trip', {
      accessTokenLifetimeSeconds: 60,
      tokensRevokedUpTo: 1_700_000_009,
      secrets: [{ secretId, createdAt: 1_700_000_000, expiresAt: 1_700_001_000 }],
    })
    await clients.create(record, digest)
    expect(await clients.find('round-trip')).toEqual(record)
  })

  it('gives a tombstone as well, and undefined for a client that never was', async () => {
    await store.put('Clients', clientItem('gone', { status: { S: 'deleted' }, secrets: { L: [] } }))
    expect(await clients.find('gone')).toEqual(clientRecord('gone', { status: 'deleted', secrets: [] }))
    expect(await clients.find('never')).toBe(undefined)
  })

  it('reports a record that cannot be trusted, without its value', async () => {
    await store.put('Clients', clientItem('distrusted', { version: { S: 'do-not-print-me' } }))
    await clients.find('distrusted').catch(() => {})
    expect(recorded.lines).toMatchObject([
      { table: 'Clients', key: 'distrusted', problem: 'attribute version is not a number' },
    ])
    expect(recorded.texts.join('')).not.toContain('do-not-print-me')
  })

  it.each([
    { secret: { arn: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:x', overlapSeconds: 60 } },
    { secret: undefined },
    undefined,
  ])('knows what an app declares beside the metadata: %j', async declaration => {
    await clients.create(clientRecord('declared'), {}).catch(() => undefined)
    const { version = 0 } = (await clients.find('declared')) ?? {}
    await clients.replace(clientRecord('declared', { declaration, version: version + 1 }), version, {})
    expect((await clients.find('declared'))?.declaration).toEqual(declaration)
    expect(recorded.texts.filter(text => text.includes('malformed'))).toEqual([])
  })

  it('names its attributes, and never the digests of secrets', async () => {
    await store.put('Clients', clientItem('projected'))
    await clients.find('projected')
    await clients.list(1, undefined)
    const names = [
      'client_id',
      'client_name',
      'token_endpoint_auth_method',
      'token_endpoint_auth_signing_alg',
      'jwks',
      'jwks_uri',
      'resource_server',
      'grants',
      'access_token_lifetime',
    ]
    names.push(
      'status',
      'version',
      'created_at',
      'updated_at',
      'tokens_revoked_up_to',
      'secrets',
      'declaration',
    )
    const [get = {}, scan = {}] = proxy.bodies
    for (const body of [get, scan]) {
      expect(Object.values(body.ExpressionAttributeNames as object)).toEqual(names)
      expect(body.ProjectionExpression).toBe(names.map(name => `#${name}`).join(', '))
      expect(body.ConsistentRead).toBe(true)
    }
    expect(scan.Select).toBe('SPECIFIC_ATTRIBUTES')
  })
})

describe('listing clients', () => {
  it('gives every client but the deleted ones and those that cannot be read, page by page', async () => {
    const page = await startLocalStore()
    const listed = new ClientsAdministrationTable(page.client, 'Clients', recorded.records)
    const ids = Array.from({ length: 7 }, (_, index) => `listed-${index}`)
    for (const id of ids) await page.put('Clients', clientItem(id))
    await page.put('Clients', clientItem('deleted', { status: { S: 'deleted' } }))
    await page.put('Clients', clientItem('broken', { version: { S: 'do-not-print-me' } }))
    const seen: string[] = []
    const sizes: number[] = []
    let next: string | undefined
    do {
      const { clients: found, next: after } = await listed.list(2, next)
      seen.push(...found.map(client => client.clientId))
      sizes.push(found.length)
      next = after
    } while (next !== undefined)
    await page.close()
    expect(seen.toSorted()).toEqual(ids)
    expect(Math.max(...sizes)).toBe(2)
    expect(recorded.lines).toMatchObject([
      { table: 'Clients', key: 'broken', problem: 'attribute version is not a number' },
    ])
    expect(recorded.texts.join('')).not.toContain('do-not-print-me')
  })

  it('is unavailable when the store fails', async () => {
    proxy.always({ status: 400, type: 'AccessDeniedException' })
    const error = await clients.list(50, undefined).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Unavailable)
    expect(proxy.operations).toEqual(['Scan'])
    expect(recorded.lines).toMatchObject([{ error: 'AccessDeniedException', StoreErrors: 1 }])
  })
})
