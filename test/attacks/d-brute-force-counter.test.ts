import { beforeEach, describe, expect, it } from 'vitest'
import { formatSecret } from '../../lambda/oauth/client-secret.ts'
import { clientSecret } from '../lambda/support/client-item.ts'
import { type Fault, failing, throttled } from '../lambda/support/fault-server.ts'
import type { Attributes } from '../lambda/support/local-store.ts'
import { endpointNames } from './support/attacked-endpoints.ts'
import { type FunctionAnswer, useClientFunctions } from './support/client-functions.ts'

const functions = useClientFunctions()
/** The same with a table of counters that is not there. */
const withoutCounters = useClientFunctions({ SINGLE_USE_TABLE: 'NoSuchTable' })

const wrongSecret = formatSecret(new Uint8Array(32).fill(9))
const address = '192.0.2.7'
const limit = 20

let made = 0
async function newClient(of = functions()): Promise<string> {
  const clientId = `client-${++made}`
  await of.addClient(clientId)
  return clientId
}

const now = () => Math.floor(Date.now() / 1000)
const keyOf = (clientId: string, source = address): Attributes => ({
  id: { S: `failures#${clientId}#${source}` },
})
const counter = (failures: number, since: number): Attributes => ({
  failures: { N: String(failures) },
  since: { N: String(since) },
  expires_at: { N: String(since + 120) },
})
const put = (clientId: string, attributes: Attributes, source?: string) =>
  functions().store.put('SingleUse', { ...keyOf(clientId, source), ...attributes })
const rowOf = (clientId: string, source?: string) =>
  functions().store.get('SingleUse', keyOf(clientId, source))

const ask = (clientId: string, secret = clientSecret, sourceIp = address) =>
  functions().invoke('token', clientId, secret, { sourceIp })

function expectAllowed({ status, event }: FunctionAnswer): void {
  expect([status, event.outcome, event.reason]).toEqual([200, 'allowed', 'ok'])
}

/** @returns the seconds to wait */
function expectLocked({ status, headers, body, event }: FunctionAnswer): number {
  expect([status, event.outcome, event.reason]).toEqual([429, 'refused', 'too_many_failures'])
  expect(headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' })
  expect(JSON.parse(body).error).toBe('too_many_requests')
  return Number(headers['retry-after'])
}

function expectWrong({ status, body, event }: FunctionAnswer): void {
  expect([status, event.outcome, event.reason]).toEqual([401, 'refused', 'secret_wrong'])
  expect(JSON.parse(body).error).toBe('invalid_client')
}

beforeEach(() => {
  functions().proxy.reset()
  withoutCounters().proxy.reset()
})

describe('the counter of failures', () => {
  it.each(endpointNames)(
    'D2: costs no round trip: it is read with the client, at the %s endpoint',
    async endpoint => {
      const clientId = await newClient()
      const first = await functions().invoke(endpoint, clientId)
      // The day of a secret's use is noted once.
      expect(first.operations).toEqual(['BatchGetItem', ...first.operations.slice(1)])
      const { operations } = await functions().invoke(endpoint, clientId)
      expect(operations).toEqual(['BatchGetItem'])
      expect(functions().proxy.bodies.at(-1)).toEqual({
        RequestItems: {
          Clients: { Keys: [{ client_id: { S: clientId } }], ConsistentRead: true },
          SingleUse: { Keys: [keyOf(clientId)], ConsistentRead: true },
        },
      })
    },
  )

  it('D2: counts to twenty, one write a failure, and nothing is written of who is not heard', async () => {
    const clientId = await newClient()
    const before = now()
    for (let time = 1; time <= limit; time++) {
      const answer = await ask(clientId, wrongSecret)
      expectWrong(answer)
      expect(answer.operations).toEqual(['BatchGetItem', 'UpdateItem'])
      expect((await rowOf(clientId))?.failures).toEqual({ N: String(time) })
    }
    const row = await rowOf(clientId)
    const since = Number(row?.since?.N)
    expect(since).toBeGreaterThanOrEqual(before)
    expect(row).toEqual({ ...keyOf(clientId), ...counter(limit, since) })
    for (const secret of [clientSecret, wrongSecret, clientSecret, wrongSecret]) {
      const answer = await ask(clientId, secret)
      expect(answer.operations).toEqual(['BatchGetItem'])
      expect(expectLocked(answer)).toBeLessThanOrEqual(since + 60 - before)
    }
    // Whoever goes on asking does not make it last longer.
    expect(await rowOf(clientId)).toEqual(row)
  })

  it('D2: says how long to wait, and not longer than the window lasts', async () => {
    const clientId = await newClient()
    await put(clientId, counter(limit, now() - 30))
    const wait = expectLocked(await ask(clientId))
    expect(wait).toBeGreaterThanOrEqual(25)
    expect(wait).toBeLessThanOrEqual(30)
  })

  it('D2: is over when its window is, also before the store has deleted it', async () => {
    const clientId = await newClient()
    await put(clientId, counter(1000, now() - 60))
    expectAllowed(await ask(clientId))
    expectWrong(await ask(clientId, wrongSecret))
    expect((await rowOf(clientId))?.failures).toEqual({ N: '1' })
    expectAllowed(await ask(clientId))
  })

  it('D2: is one for a /64 network of IPv6, which one host has the whole of', async () => {
    const clientId = await newClient()
    for (let time = 0; time < limit; time++)
      expectWrong(await ask(clientId, wrongSecret, `2001:db8:1:2:${time}::${time}`))
    for (const sourceIp of ['2001:db8:1:2::1', '2001:0db8:0001:0002:ffff:ffff:ffff:ffff'])
      expectLocked(await ask(clientId, clientSecret, sourceIp))
    for (const sourceIp of ['2001:db8:1:3::1', '2001:db8::1:2:0:1', address])
      expectAllowed(await ask(clientId, clientSecret, sourceIp))
  })

  it('D2: is one for an address of IPv4, and its neighbours have their own', async () => {
    const clientId = await newClient()
    await put(clientId, counter(limit, now()))
    expectLocked(await ask(clientId))
    for (const sourceIp of ['192.0.2.70', '192.0.2.8', '92.0.2.7', '192.0.27.0'])
      expectAllowed(await ask(clientId, clientSecret, sourceIp))
  })

  it('D2: is nobody else’s: neither a client’s whose name begins the same, nor one in another case', async () => {
    const clientId = await newClient()
    const others = [`${clientId}0`, clientId.toUpperCase(), `${clientId}.`, clientId.slice(0, -1)]
    for (const other of others) await functions().addClient(other)
    await put(clientId, counter(limit, now()))
    expectLocked(await ask(clientId))
    for (const other of others) expectAllowed(await ask(other))
  })
})

const denied: Fault = { status: 400, type: 'AccessDeniedException' }
const missing: Fault = { status: 400, type: 'ResourceNotFoundException' }
/** What the store leaves unread of a batch, of these tables. */
const unprocessed = (...tables: string[]): Fault => ({
  answer: body => {
    const responses = Object.entries((body.Responses ?? {}) as Record<string, unknown>)
    return {
      Responses: Object.fromEntries(responses.filter(([table]) => !tables.includes(table))),
      UnprocessedKeys: Object.fromEntries(tables.map(table => [table, { Keys: [{}] }])),
    }
  },
})

describe('a counter that cannot be read', () => {
  it.each<[string, Fault, string[]]>([
    ['may not be read', denied, ['BatchGetItem', 'GetItem']],
    ['is not there', missing, ['BatchGetItem', 'GetItem']],
    ['was left unread', unprocessed('SingleUse'), ['BatchGetItem']],
    ['was left unread with the client', unprocessed('SingleUse', 'Clients'), ['BatchGetItem', 'GetItem']],
  ])('D2: locks nobody out, and lets nobody in: it %s', async (_, fault, reads) => {
    const clientId = await newClient()
    expectAllowed(await ask(clientId))
    await put(clientId, counter(limit, now()))
    functions().proxy.next(fault)
    const answer = await ask(clientId)
    expectAllowed(answer)
    expect(answer.operations).toEqual(reads)
    functions().proxy.next(fault)
    expectWrong(await ask(clientId, wrongSecret))
    functions().proxy.next(fault)
    expect((await ask(`unknown-${clientId}`)).event.reason).toBe('client_unknown')
    expectLocked(await ask(clientId))
  })

  it.each<[string, Attributes]>([
    ['text', { failures: { S: '20' }, since: { S: 'x' } }],
    ['nothing', {}],
    ['no beginning', { failures: { N: '20' } }],
    ['no number of failures', { since: { N: '1700000000' } }],
    ['a fraction', { failures: { N: '20.5' }, since: { N: '99999999999' } }],
    ['more than a double holds', { failures: { N: '1e100' }, since: { N: '99999999999' } }],
    ['lists', { failures: { L: [{ N: '20' }] }, since: { L: [] } }],
    ['no value', { failures: { NULL: true }, since: { NULL: true } }],
  ])('D2: locks nobody out, and lets nobody in: it has %s', async (_, attributes) => {
    const clientId = await newClient()
    await put(clientId, attributes)
    expectAllowed(await ask(clientId))
    expectWrong(await ask(clientId, wrongSecret))
    expectAllowed(await ask(clientId))
  })

  it('D2: locks nobody out where there is no table of counters at all', async () => {
    const clientId = await newClient(withoutCounters())
    for (const endpoint of endpointNames) {
      const ok = await withoutCounters().invoke(endpoint, clientId)
      expect([ok.status, ok.event.outcome]).toEqual([200, 'allowed'])
      for (let time = 0; time <= limit; time++)
        expectWrong(await withoutCounters().invoke(endpoint, clientId, wrongSecret))
    }
  })
})

describe('a counter that cannot be written', () => {
  it.each<[string, Fault]>([
    ['breaks connections', 'reset'],
    ['does not answer', 'hang'],
    ['loses its answers', 'lost'],
    ['breaks off its answers', 'stall'],
    ['has an internal error', failing],
    ['throttles', throttled],
    ['may not be written', denied],
    ['is not there', missing],
    ['finds the request wrong', { status: 400, type: 'ValidationException' }],
    ['finds its condition untrue', { status: 400, type: 'ConditionalCheckFailedException' }],
  ])('D2: changes no answer, and locks nobody out: it %s', async (_, fault) => {
    const clientId = await newClient()
    expectAllowed(await ask(clientId))
    const expected = await ask(clientId, wrongSecret)
    functions().proxy.next('pass', fault, fault, fault, fault)
    const startedAt = performance.now()
    const { status, headers, body, event } = await ask(clientId, wrongSecret)
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expect({ status, headers, body }).toEqual({
      status: expected.status,
      headers: expected.headers,
      body: expected.body,
    })
    expect(event.reason).toBe('secret_wrong')
    functions().proxy.reset()
    expectAllowed(await ask(clientId))
  })
})

describe('a store that fails', () => {
  it.each<[string, Fault]>([
    ['breaks connections', 'reset'],
    ['has an internal error', failing],
    ['throttles', throttled],
  ])('D2: is 503 and counts for nobody, right secret or wrong: it %s', async (_, fault) => {
    const clientId = await newClient()
    for (const secret of [clientSecret, wrongSecret]) {
      functions().proxy.always(fault)
      const { status, headers, event } = await ask(clientId, secret)
      expect([status, headers['retry-after'], event.reason]).toEqual([503, '1', 'store_unavailable'])
      functions().proxy.reset()
    }
    expect(await rowOf(clientId)).toBe(undefined)
    expectAllowed(await ask(clientId))
  })
})
