import { describe, expect, it } from 'vitest'
import { type EndpointName, endpointNames } from '../attacks/support/attacked-endpoints.ts'
import {
  denied,
  type Fault,
  failing,
  noTable,
  overloaded,
  throttled,
} from '../lambda/support/fault-server.ts'
import { expectUnavailable, useFaultedFunctions, waitLimitMilliseconds } from './support/faulted-functions.ts'

const functions = useFaultedFunctions()

/** Everything that is read or written once, or once a day, is: what is counted then is what every request costs. */
async function warmUp(endpoint: EndpointName, clientId?: string): Promise<void> {
  expect((await functions().ask(endpoint, undefined, clientId)).status).toBe(200)
}

/** What a request reads of its client, in order. */
const clientReads = (operations: readonly string[]) => operations.filter(name => /GetItem$/.test(name))

describe.each(endpointNames)('the %s endpoint, while the clients are throttled', endpoint => {
  it('F1: answers 503 with Retry-After after two attempts, within 1.2 s', async () => {
    await warmUp(endpoint)
    functions().storeProxy.on(throttled, { table: 'Clients' })
    const answer = await functions().ask(endpoint)
    expectUnavailable(answer)
    expect(clientReads(answer.storeOperations).length).toBeLessThanOrEqual(2)
    expect(answer.milliseconds).toBeLessThan(1200)
    expect(answer.lines).toMatchObject([{ message: 'store call failed', StoreErrors: 1 }, {}])
  })

  it('F1: keeps nothing of it: the next request is served', async () => {
    functions().storeProxy.on(throttled, { table: 'Clients', count: 2 })
    expectUnavailable(await functions().ask(endpoint))
    expect((await functions().ask(endpoint)).status).toBe(200)
  })
})

describe('a throttled store', () => {
  it('F1: gets a disabled client no token, and costs no client that is not disabled its own', async () => {
    await functions().addClient('disabled', { status: { S: 'disabled' } })
    await warmUp('token')
    functions().storeProxy.on(throttled, { operation: 'BatchGetItem', probability: 0.4 })
    for (let request = 0; request < 10; request++) {
      const { status: ofDisabled } = await functions().ask('token', undefined, 'disabled')
      const { status } = await functions().ask('token')
      expect([401, 503]).toContain(ofDisabled)
      expect([200, 503]).toContain(status)
    }
  })

  it('F1: is no failure of the client: it is not counted, whichever client asks', async () => {
    for (const clientId of ['nightly-export', 'nobody']) {
      functions().storeProxy.on(throttled, { table: 'Clients' })
      const { storeOperations } = await functions().ask('token', undefined, clientId)
      expect(storeOperations).not.toContain('UpdateItem')
    }
  })
})

describe.each(endpointNames)('the %s endpoint, where the store never answers', endpoint => {
  it('F3: answers 503 within 1.5 s: what it waits for has an end', async () => {
    await warmUp(endpoint)
    functions().storeProxy.always('hang')
    const answer = await functions().ask(endpoint)
    expectUnavailable(answer)
    expect(clientReads(answer.storeOperations)).toEqual(['BatchGetItem', 'BatchGetItem'])
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
  })

  it('F3: waits for an answer that comes late, but in time', async () => {
    await warmUp(endpoint)
    functions().storeProxy.on({ delay: 200 }, { table: 'Clients' })
    const answer = await functions().ask(endpoint)
    expect(answer.status).toBe(200)
    expect(clientReads(answer.storeOperations)).toEqual(['BatchGetItem'])
  })

  it('F3: tries once more, and is served, where an answer comes too late', async () => {
    await warmUp(endpoint)
    functions().storeProxy.on({ delay: 700 }, { table: 'Clients', count: 1 })
    const answer = await functions().ask(endpoint)
    expect(answer.status).toBe(200)
    expect(clientReads(answer.storeOperations)).toEqual(['BatchGetItem', 'BatchGetItem'])
  })
})

describe('one table that never answers', () => {
  it('F3: is a refusal within 1.5 s where it has what the decision needs: the resource server', async () => {
    const token = await functions().start('token')
    functions().storeProxy.on('hang', { table: 'ResourceServers' })
    const answer = await functions().ask('token', undefined, undefined, token)
    expectUnavailable(answer)
    expect(answer.storeOperations).toEqual(['BatchGetItem', 'GetItem', 'GetItem'])
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
  })

  it('F3: is no refusal where the decision stands without it: the day of a secret’s last use', async () => {
    const token = await functions().start('token')
    functions().storeProxy.on('hang', { operation: 'PutItem', table: 'SingleUse' })
    const answer = await functions().ask('token', undefined, undefined, token)
    expect([answer.status, answer.storeOperations.at(-1)]).toEqual([200, 'PutItem'])
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
  })

  it('F3: changes no refusal: the counter of failed authentications', async () => {
    await functions().addClient('mistaken', { secrets: { L: [] }, secret_digests: { M: {} } })
    functions().storeProxy.on('hang', { operation: 'UpdateItem', table: 'SingleUse' })
    const answer = await functions().ask('token', undefined, 'mistaken')
    expect([answer.status, answer.event.reason]).toEqual([401, 'secret_wrong'])
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
  })
})

const broken: [string, Fault][] = [
  ['fails', failing],
  ['is overloaded', overloaded],
  ['breaks the connection', 'reset'],
  ['truncates its answer', 'truncate'],
]

describe.each(endpointNames)('the %s endpoint, where a read', endpoint => {
  it.each(broken)('F4: %s once, tries once more and is served', async (_, fault) => {
    await warmUp(endpoint)
    functions().storeProxy.on(fault, { table: 'Clients', count: 1 })
    const answer = await functions().ask(endpoint)
    expect([answer.status, answer.event.outcome]).toEqual([200, 'allowed'])
    expect(clientReads(answer.storeOperations)).toEqual(['BatchGetItem', 'BatchGetItem'])
  })

  it.each(broken)('F4: %s twice, answers 503 and does not try a third time', async (_, fault) => {
    await warmUp(endpoint)
    functions().storeProxy.on(fault, { table: 'Clients' })
    const answer = await functions().ask(endpoint)
    expectUnavailable(answer)
    expect(clientReads(answer.storeOperations)).toEqual(['BatchGetItem', 'BatchGetItem'])
  })
})

describe('a store that goes on failing', () => {
  it('F4: is asked once instead of twice in the end: repetitions have a budget', async () => {
    const token = await functions().start('token')
    functions().storeProxy.on('reset', { table: 'Clients' })
    let requests = 0
    let attempts = 2
    for (; requests < 120 && attempts > 1; requests++) {
      const answer = await functions().ask('token', undefined, undefined, token)
      expectUnavailable(answer)
      attempts = clientReads(answer.storeOperations).length
    }
    expect(attempts).toBe(1)
    functions().storeProxy.reset()
    expect((await functions().ask('token', undefined, undefined, token)).status).toBe(200)
  })
})

describe.each(endpointNames)('the %s endpoint, where the clients', endpoint => {
  it.each<[string, string, Fault]>([
    ['may not be read', 'AccessDeniedException', denied],
    ['have no table', 'ResourceNotFoundException', noTable],
  ])('F12: %s, answers 503, repeats nothing and counts it for the alarm', async (_, error, fault) => {
    await warmUp(endpoint)
    functions().storeProxy.on(fault, { table: 'Clients' })
    const answer = await functions().ask(endpoint)
    expectUnavailable(answer)
    // Together with the counter of failures, and then without: it may have been the counter that cannot be read.
    expect(clientReads(answer.storeOperations)).toEqual(['BatchGetItem', 'GetItem'])
    const alarms = answer.lines.filter(({ StoreErrors }) => StoreErrors === 1)
    expect(alarms.map(line => line.error)).toEqual([error, error])
  })
})
