import { DeleteItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type ChangeRecord, TableChanges } from '../../../local/dynamodb/table-changes.ts'
import { startLocalStore } from '../../lambda/support/local-store.ts'

const store = await startLocalStore()
afterAll(() => store.close())

const streamArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/Clients/stream/local'
const place = { endpoint: store.url, region: 'us-east-1', tableName: 'Clients', streamArn }
const put = (clientId: string, status = 'active') =>
  store.put('Clients', {
    client_id: { S: clientId },
    status: { S: status },
    secret: { B: new Uint8Array(3) },
  })
const remove = (clientId: string) =>
  store.client.send(new DeleteItemCommand({ TableName: 'Clients', Key: { client_id: { S: clientId } } }))

const namesOf = (records: readonly ChangeRecord[]) =>
  records.map(({ eventName, dynamodb }) => `${eventName} ${dynamodb.Keys.client_id?.S}`)

/** What one look tells; `take` says how many of a batch are dealt with. */
async function look(changes: TableChanges, take = (records: readonly ChangeRecord[]) => records.length) {
  const told: string[][] = []
  await changes.look(async records => {
    told.push(namesOf(records))
    return take(records)
  })
  return told
}

beforeEach(async () => {
  for (const clientId of ['a', 'b', 'c']) await remove(clientId)
})

describe('the changes of a table', () => {
  it('are every row at first, then what has changed, by its key alone', async () => {
    const changes = new TableChanges({ ...place, batchSize: 10, attempts: 2 })
    await put('a')
    await put('b')
    const records: ChangeRecord[] = []
    await changes.look(async each => records.push(...each))
    expect(namesOf(records).toSorted()).toEqual(['INSERT a', 'INSERT b'])
    expect(records[0]).toEqual({
      eventID: '1',
      eventName: 'INSERT',
      eventSource: 'aws:dynamodb',
      eventSourceARN: streamArn,
      dynamodb: {
        Keys: { client_id: { S: expect.any(String) } },
        SequenceNumber: '1',
        StreamViewType: 'KEYS_ONLY',
      },
    })
    expect(await look(changes)).toEqual([])
    await put('a', 'deleted')
    await remove('b')
    await put('b')
    expect(await look(changes)).toEqual([['MODIFY a']])
    await remove('b')
    expect(await look(changes)).toEqual([['REMOVE b']])
    expect(await look(changes)).toEqual([])
    changes.close()
  })

  it('come in batches, and again from the first that was not dealt with, until it is given up', async () => {
    const changes = new TableChanges({ ...place, batchSize: 2, attempts: 2 })
    for (const clientId of ['a', 'b', 'c']) await put(clientId)
    const [first] = await look(changes, () => 1)
    const [second, ...more] = await look(changes, () => 0)
    expect([second, more]).toEqual([expect.arrayContaining(first?.slice(1) ?? []), []])
    // The same one has failed twice now: the other goes on.
    const rest = await look(changes)
    expect(rest.flat()).toHaveLength(1)
    expect(rest.flat()).not.toEqual(first?.slice(1))
    expect(await look(changes)).toEqual([])
    changes.close()
  })
})
