import { afterAll, describe, expect, it } from 'vitest'
import { AuthenticationFailuresTable } from '../../lambda/adapters/authentication-failures-table.ts'
import { ClientsTable } from '../../lambda/adapters/clients-table.ts'
import {
  authenticateClient,
  type ClientAuthenticationPorts,
} from '../../lambda/oauth/client-authentication.ts'
import { OAuthError } from '../../lambda/oauth/oauth-error.ts'
import {
  basicHeader,
  clientAuthenticationPorts,
  formRequest,
  sourceIp,
} from '../lambda/oauth/support/token-endpoint.ts'
import { clientItem, clientSecret } from '../lambda/support/client-item.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import { recordedLines, nowSeconds as start } from '../lambda/support/recorded-lines.ts'

// The counter over its real store, at whatever time a test says.
const store = await startLocalStore()
afterAll(() => store.close())

const failureLimit = { failures: 20, windowSeconds: 60 }
const { records } = recordedLines()
const clients = new ClientsTable(store.client, 'Clients', 'SingleUse', records)
const failures = new AuthenticationFailuresTable(store.client, 'SingleUse', failureLimit, records)
const ports: ClientAuthenticationPorts = {
  ...clientAuthenticationPorts([]),
  failureLimit,
  findClient: subject => clients.find(subject),
  recordFailure: (subject, recent, now) => failures.record(subject, recent, now),
}

let made = 0
async function newClient(): Promise<string> {
  const clientId = `client-${++made}`
  await store.put('Clients', clientItem(clientId))
  return clientId
}

/** What comes of a try at that moment: the reason, and the seconds to wait where there are some. */
async function attempt(clientId: string, now: number, secret = 'wrong'): Promise<string> {
  const request = formRequest({}, basicHeader(clientId, secret))
  try {
    await authenticateClient(request, new Map(), ports, now, {})
    return 'ok'
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return error.retryAfterSeconds === undefined ? error.reason : `wait ${error.retryAfterSeconds}`
  }
}

async function fail(clientId: string, now: number, times: number): Promise<void> {
  for (let time = 0; time < times; time++) expect(await attempt(clientId, now)).toBe('secret_wrong')
}

async function counterOf(clientId: string): Promise<Record<string, number> | undefined> {
  const row = await store.get('SingleUse', { id: { S: `failures#${clientId}#${sourceIp}` } })
  if (row === undefined) return undefined
  const { id: _, ...numbers } = row
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value.N)]))
}

describe('the window of failures', () => {
  it('D2: lasts sixty seconds from the first failure, and is over to the second', async () => {
    const clientId = await newClient()
    await fail(clientId, start, 10)
    await fail(clientId, start + 40, 10)
    expect(await attempt(clientId, start + 40, clientSecret)).toBe('wait 20')
    expect(await attempt(clientId, start + 59, clientSecret)).toBe('wait 1')
    expect(await attempt(clientId, start + 60, clientSecret)).toBe('ok')
    expect(await attempt(clientId, start + 3600, clientSecret)).toBe('ok')
  })

  it('D2: begins anew with the first failure after it, with all twenty', async () => {
    const clientId = await newClient()
    await fail(clientId, start, 20)
    expect(await attempt(clientId, start + 59)).toBe('wait 1')
    await fail(clientId, start + 60, 1)
    expect(await counterOf(clientId)).toEqual({ failures: 1, since: start + 60, expires_at: start + 180 })
    await fail(clientId, start + 61, 18)
    expect(await attempt(clientId, start + 61, clientSecret)).toBe('ok')
    await fail(clientId, start + 61, 1)
    expect(await attempt(clientId, start + 61, clientSecret)).toBe('wait 59')
  })

  it('D2: bounds the guesses of a minute: twenty, and at worst those of two windows that meet', async () => {
    const clientId = await newClient()
    const guesses: number[] = []
    for (let second = 0; second < 120; second += 2)
      for (let time = 0; time < 3; time++)
        if ((await attempt(clientId, start + second)) === 'secret_wrong') guesses.push(second)
    expect(guesses).toHaveLength(40)
    expect(guesses.filter(second => second < 60)).toHaveLength(20)

    const patient = await newClient()
    await fail(patient, start, 1)
    await fail(patient, start + 59, 19)
    await fail(patient, start + 60, 20)
    expect(await attempt(patient, start + 60)).toBe('wait 60')
  })

  it('D2: loses no failure of those that come at once, in whichever order they are written', async () => {
    for (const at of [start, start + 60]) {
      const clientId = 'client-at-once'
      await store.put('Clients', clientItem(clientId))
      await Promise.all(Array.from({ length: 7 }, () => attempt(clientId, at)))
      await Promise.all(Array.from({ length: 12 }, () => attempt(clientId, at + 1)))
      expect(await counterOf(clientId)).toEqual({ failures: 19, since: at, expires_at: at + 120 })
      expect(await attempt(clientId, at + 1, clientSecret)).toBe('ok')
      await fail(clientId, at + 1, 1)
      expect(await attempt(clientId, at + 1, clientSecret)).toBe('wait 59')
    }
  })

  it('D2: is not begun anew by one who read it before another began it', async () => {
    const clientId = await newClient()
    const subject = { clientId, source: sourceIp }
    await fail(clientId, start, 20)
    // Read nothing, or the window before; written after twenty others.
    for (const recent of [undefined, { count: 20, since: start - 60 }, { count: 3, since: start }])
      await failures.record(subject, recent, start + 1)
    expect(await counterOf(clientId)).toMatchObject({ failures: 23, since: start })
    expect(await attempt(clientId, start + 1, clientSecret)).toBe('wait 59')
  })

  it('D2: is not extended by who is not heard', async () => {
    const clientId = await newClient()
    await fail(clientId, start, 20)
    const counter = await counterOf(clientId)
    for (let second = 1; second < 60; second++)
      expect(await attempt(clientId, start + second)).toBe(`wait ${60 - second}`)
    expect(await counterOf(clientId)).toEqual(counter)
  })

  it('D2: is kept until it is over, and not for ever', async () => {
    const clientId = await newClient()
    await fail(clientId, start, 1)
    expect(await counterOf(clientId)).toEqual({ failures: 1, since: start, expires_at: start + 120 })
  })

  it('D2: is as it was for a machine whose clock is a second behind', async () => {
    const clientId = await newClient()
    await fail(clientId, start, 20)
    expect(await attempt(clientId, start - 1, clientSecret)).toBe('wait 60')
    expect(await attempt(clientId, start - 1)).toBe('wait 60')
    expect(await attempt(clientId, start + 60, clientSecret)).toBe('ok')
  })
})
