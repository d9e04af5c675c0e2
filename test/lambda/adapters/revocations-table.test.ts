import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { RevocationsTable } from '../../../lambda/adapters/revocations-table.ts'
import { type Revocation, revocationSubject, shardOf } from '../../../lambda/oauth/revocation.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { type Attributes, startLocalStore, storeClient } from '../support/local-store.ts'
import { nowMilliseconds, nowSeconds, recordedLines } from '../support/recorded-lines.ts'

const shards = 4
const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const recorded = recordedLines('authorizer')
const table = new RevocationsTable(storeClient(proxy.url), 'Revocations', shards, recorded.records)

afterAll(() => Promise.all([proxy.close(), store.close()]))
beforeEach(() => {
  proxy.reset()
  recorded.clear()
})

const expiresAt = nowSeconds + 680
const keyOf = (subject: string): Attributes => ({
  shard: { S: shardOf(subject, shards) },
  subject: { S: subject },
})
const rowOf = (subject: string) => store.get('Revocations', keyOf(subject))
const putRow = (subject: string, attributes: Attributes) =>
  store.put('Revocations', { ...keyOf(subject), ...attributes })

const everyKind: Revocation[] = [
  { kind: 'jti', jti: 'kind-jti', expiresAt },
  { kind: 'client', clientId: 'kind-client', revokedUpTo: nowSeconds + 5, expiresAt },
  { kind: 'kid', kid: 'kind-kid', expiresAt },
  { kind: 'all', revokedUpTo: nowSeconds + 5, expiresAt },
]

describe('writing a revocation', () => {
  it('stores each kind in the shard of its subject, with the time of the write', async () => {
    for (const revocation of everyKind) await table.write(revocation, nowMilliseconds)
    const rows = await Promise.all(everyKind.map(revocation => rowOf(revocationSubject(revocation))))
    const common = { revoked_at: { N: String(nowMilliseconds) }, expires_at: { N: String(expiresAt) } }
    const upTo = { revoked_up_to: { N: String(nowSeconds + 5) } }
    expect(rows).toEqual([
      { ...keyOf('jti#kind-jti'), ...common },
      { ...keyOf('client#kind-client'), ...common, ...upTo },
      { ...keyOf('kid#kind-kid'), ...common },
      { ...keyOf('all'), ...common, ...upTo },
    ])
  })

  it('never lowers a record that reaches further, and is done all the same', async () => {
    const later: Revocation = { kind: 'client', clientId: 'lowered', revokedUpTo: 2000, expiresAt: 6000 }
    await table.write(later, 20)
    await table.write({ ...later, revokedUpTo: 1000, expiresAt: 5000 }, 30)
    expect(await rowOf('client#lowered')).toEqual({
      ...keyOf('client#lowered'),
      revoked_at: { N: '20' },
      revoked_up_to: { N: '2000' },
      expires_at: { N: '6000' },
    })
    expect(recorded.texts).toEqual([])
  })

  it('raises a record that reaches less far', async () => {
    const early: Revocation = { kind: 'client', clientId: 'raised', revokedUpTo: 1000, expiresAt: 5000 }
    await table.write(early, 10)
    await table.write({ ...early, revokedUpTo: 2000, expiresAt: 6000 }, 20)
    expect(await rowOf('client#raised')).toMatchObject({
      revoked_at: { N: '20' },
      revoked_up_to: { N: '2000' },
    })
  })

  it('gives an equal record the time of the later write, so that no snapshot misses an acknowledged one', async () => {
    await table.write({ kind: 'jti', jti: 'again', expiresAt }, 10)
    await table.write({ kind: 'jti', jti: 'again', expiresAt }, 20)
    expect(await rowOf('jti#again')).toMatchObject({ revoked_at: { N: '20' } })
  })

  it.each(['lost', 'reset'] as const)(
    'is done by the repetition when the first attempt is %s',
    async fault => {
      proxy.next(fault)
      await table.write({ kind: 'jti', jti: `repeated-${fault}`, expiresAt }, nowMilliseconds)
      expect(proxy.operations).toEqual(['UpdateItem', 'UpdateItem'])
      expect(await rowOf(`jti#repeated-${fault}`)).toMatchObject({ expires_at: { N: String(expiresAt) } })
    },
  )

  it('is unavailable when no attempt is answered, never acknowledged (RFC 7009 §2.2.1)', async () => {
    proxy.always('reset')
    const write = table.write({ kind: 'jti', jti: 'unwritten', expiresAt }, nowMilliseconds)
    expect(await write.catch((thrown: unknown) => thrown)).toBeInstanceOf(Unavailable)
    expect(await rowOf('jti#unwritten')).toBe(undefined)
    expect(recorded.lines).toMatchObject([{ message: 'store call failed', StoreErrors: 1 }])
  })
})

describe('reading what was revoked since a moment', () => {
  it('gives what was revoked at that moment or later, in the order of revocation', async () => {
    await putRow('jti#since-1', { revoked_at: { N: '1000' }, expires_at: { N: '9000' } })
    const shard = shardOf('jti#since-1', shards)
    const other = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(id => `kid#since-${id}`)
    const sameShard = other.find(subject => shardOf(subject, shards) === shard) ?? 'none'
    await putRow(sameShard, { revoked_at: { N: '999' }, expires_at: { N: '9000' } })
    const since = async (moment: number) => {
      const { revocations } = await table.read(shard, moment, undefined)
      return revocations.map(revocationSubject).filter(subject => subject.includes('since-'))
    }
    expect(await since(999)).toEqual([sameShard, 'jti#since-1'])
    expect(await since(1000)).toEqual(['jti#since-1'])
    expect(await since(1001)).toEqual([])
    expect(await since(-1)).toEqual([sameShard, 'jti#since-1'])
  })

  it('asks the local index for a strongly consistent answer', async () => {
    await table.read('0', 1000, undefined)
    expect(proxy.operations).toEqual(['Query'])
    expect(proxy.bodies[0]).toEqual({
      TableName: 'Revocations',
      IndexName: 'by_revoked_at',
      // SHARD is a reserved word of DynamoDB's, which local engines let pass.
      KeyConditionExpression: '#shard = :shard AND revoked_at >= :since',
      ExpressionAttributeNames: { '#shard': 'shard' },
      ExpressionAttributeValues: { ':shard': { S: '0' }, ':since': { N: '1000' } },
      ConsistentRead: true,
    })
  })

  it('goes on where the page before ended, until every row was seen once', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `paged-${String(index).padStart(2, '0')}`)
    const padding = { S: 'x'.repeat(100_000) }
    for (const [index, id] of ids.entries()) {
      const times = { revoked_at: { N: String(index) }, expires_at: { N: '9000' } }
      await store.put('Revocations', {
        shard: { S: 'paged' },
        subject: { S: `jti#${id}` },
        padding,
        ...times,
      })
    }
    const seen: string[] = []
    let cursor: unknown
    do {
      const page = await table.read('paged', 0, cursor)
      seen.push(...page.revocations.map(revocation => ('jti' in revocation ? revocation.jti : '')))
      cursor = page.next
    } while (cursor !== undefined)
    expect(seen).toEqual(ids)
    // A page holds 1 MB at most, and these rows have 3.
    expect(proxy.operations.length).toBeGreaterThan(1)
  })

  it.each<[string, object]>([
    ['neither rows nor their number', {}],
    ['rows without their number', { Items: [] }],
    ['fewer rows than it says', { Items: [], Count: 3 }],
  ])('takes no answer that has %s for an empty page', async (_, answer) => {
    const client = { send: async () => answer } as unknown as DynamoDBClient
    const truncated = new RevocationsTable(client, 'Revocations', shards, recorded.records)
    await expect(truncated.read('0', 0, undefined)).rejects.toThrow(Unavailable)
    expect(recorded.lines).toMatchObject([{ message: 'store call failed', error: 'IncompletePage' }])
  })

  const marker = 'do-not-print-me'
  it.each<[string, string, Attributes, string]>([
    ['without an end', 'jti#1', {}, 'attribute expires_at is missing'],
    ['with text for its end', 'jti#2', { expires_at: { S: marker } }, 'attribute expires_at is not a number'],
    [
      'of a client without a moment',
      'client#1',
      { expires_at: { N: '9' } },
      'attribute revoked_up_to is missing',
    ],
    [
      'of everything without a moment',
      'all',
      { expires_at: { N: '9' } },
      'attribute revoked_up_to is missing',
    ],
    ['of an unknown kind', 'scope#1', { expires_at: { N: '9' } }, 'attribute subject is of no known kind'],
    [
      'of a token without an identifier',
      'jti#',
      { expires_at: { N: '9' } },
      'attribute subject is of no known kind',
    ],
    ['of a kind alone', 'jti', { expires_at: { N: '9' } }, 'attribute subject is of no known kind'],
    [
      'of everything and something',
      'all#1',
      { expires_at: { N: '9' } },
      'attribute subject is of no known kind',
    ],
  ])(
    'fails as a whole on a row %s: nothing is known of what it meant',
    async (_, subject, attributes, problem) => {
      const shard = `malformed ${problem} ${subject}`
      const times = { revoked_at: { N: '1000' } }
      const good = { subject: { S: 'jti#good' }, expires_at: { N: '9000' } }
      await store.put('Revocations', { shard: { S: shard }, ...times, ...good })
      await store.put('Revocations', {
        shard: { S: shard },
        subject: { S: subject },
        ...times,
        ...attributes,
      })
      const read = await table.read(shard, 0, undefined).catch((thrown: unknown) => thrown)
      expect(read).toBeInstanceOf(Unavailable)
      expect(recorded.lines).toMatchObject([
        { level: 'ERROR', message: 'malformed record', table: 'Revocations', key: subject, problem },
      ])
      expect(recorded.texts.join('')).not.toContain(marker)
    },
  )
})

describe('looking subjects up', () => {
  const subjects = ['jti#looked-up', 'client#looked-up', 'kid#looked-up', 'all']

  it('reads them in one round trip, strongly consistent, wherever their shards are', async () => {
    await putRow('jti#looked-up', { revoked_at: { N: '1' }, expires_at: { N: '9000' } })
    await putRow('client#looked-up', {
      revoked_at: { N: '1' },
      revoked_up_to: { N: '77' },
      expires_at: { N: '9000' },
    })
    await putRow('all', { revoked_at: { N: '1' }, revoked_up_to: { N: '3' }, expires_at: { N: '9000' } })
    const found = await table.lookUp(subjects)
    expect(found.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      { kind: 'all', revokedUpTo: 3, expiresAt: 9000 },
      { kind: 'client', clientId: 'looked-up', revokedUpTo: 77, expiresAt: 9000 },
      { kind: 'jti', jti: 'looked-up', expiresAt: 9000 },
    ])
    expect(proxy.operations).toEqual(['BatchGetItem'])
    expect(proxy.bodies[0]).toEqual({
      RequestItems: { Revocations: { Keys: subjects.map(keyOf), ConsistentRead: true } },
    })
  })

  it('finds them under whichever name the answer has for the table, which may be asked for by its ARN', async () => {
    await putRow('kid#by-arn', { revoked_at: { N: '1' }, expires_at: { N: '9000' } })
    const arn = 'arn:aws:dynamodb:us-east-1:000000000000:table/Revocations'
    proxy.next({ answer: ({ Responses }) => ({ Responses: { [arn]: Object(Responses).Revocations } }) })
    expect(await table.lookUp(['kid#by-arn'])).toEqual([{ kind: 'kid', kid: 'by-arn', expiresAt: 9000 }])
  })

  it('finds nothing for subjects of which nothing is revoked', async () => {
    expect(await table.lookUp(['jti#never', 'client#never', 'kid#never'])).toEqual([])
  })

  it('is unavailable when some key was not read: not knowing is no absence', async () => {
    const UnprocessedKeys = { Revocations: { Keys: [keyOf('jti#looked-up')] } }
    proxy.next({ answer: answer => ({ ...answer, UnprocessedKeys }) })
    const lookUp = await table.lookUp(subjects).catch((thrown: unknown) => thrown)
    expect(lookUp).toBeInstanceOf(Unavailable)
  })

  it('is unavailable when a row that was found cannot be trusted', async () => {
    await putRow('jti#distrusted', { revoked_at: { N: '1' }, expires_at: { S: 'soon' } })
    const lookUp = await table.lookUp(['jti#distrusted']).catch((thrown: unknown) => thrown)
    expect(lookUp).toBeInstanceOf(Unavailable)
    expect(recorded.lines).toMatchObject([
      { table: 'Revocations', key: 'jti#distrusted', problem: 'attribute expires_at is not a number' },
    ])
  })
})
