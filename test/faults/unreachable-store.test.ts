import { beforeAll, describe, expect, it } from 'vitest'
import { endpointNames } from '../attacks/support/attacked-endpoints.ts'
import {
  expectAdministrationUnavailable,
  expectUnavailable,
  type FaultedFunctions,
  useFaultedFunctions,
  waitLimitMilliseconds,
} from './support/faulted-functions.ts'
import { defaultBounds, startVirtualAuthorizer, useVirtualAuthorizer } from './support/virtual-authorizer.ts'

const snapshotBound = (defaultBounds.refreshSeconds + defaultBounds.outageGraceSeconds) * 1000

describe('functions whose store and KMS cannot be connected to any more', () => {
  const functions = useFaultedFunctions()
  let token: string
  let authorizer: Awaited<ReturnType<FaultedFunctions['start']>>

  beforeAll(async () => {
    // All of them have served a request before.
    token = await functions().token()
    authorizer = await functions().start('authorizer', { REVOCATION_REFRESH_SECONDS: '600' })
    for (const endpoint of endpointNames) await functions().ask(endpoint)
    await functions().administer('GET /admin/clients')
    await functions().storeProxy.close()
    await functions().kmsProxy.close()
  })

  it.each(endpointNames)(
    'F13: issue, revoke and introspect nothing: 503 within 1.5 s (%s)',
    async endpoint => {
      const answer = await functions().ask(endpoint)
      expectUnavailable(answer)
      expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
    },
  )

  it('F13: administer nothing', async () => {
    expectAdministrationUnavailable(await functions().administer('GET /admin/clients'))
  })

  it('F13: still authorize, from the keys and the snapshot that they have', async () => {
    for (let request = 0; request < 5; request++) {
      expect(await functions().authorize(token, authorizer)).toBe('allowed')
    }
  })

  it('F13: authorize nothing that they started too late for', async () => {
    const late = await functions().start('authorizer', { REVOCATION_REFRESH_SECONDS: '600' })
    expect(late.start.failure).toBe(undefined)
    expect(await functions().authorize(token, late)).toBe('failed')
  })

  it('F13: issue nothing where they started too late', async () => {
    const late = await functions().start('token')
    expectUnavailable(await functions().ask('token', undefined, undefined, late))
  })
})

describe('functions whose store has a name that nobody knows', () => {
  const functions = useFaultedFunctions()
  const settings = { AWS_ENDPOINT_URL_DYNAMODB: 'http://dynamodb.invalid' }

  it.each(endpointNames)('F13: start, and answer 503 within 1.5 s (%s)', async endpoint => {
    const running = await functions().start(endpoint, settings)
    const answer = await functions().ask(endpoint, undefined, undefined, running)
    expectUnavailable(answer)
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
  })

  it('F13: start, and authorize nothing', async () => {
    const token = await functions().token()
    const running = await functions().start('authorizer', settings)
    expect(await functions().authorize(token, running)).toBe('failed')
  })
})

describe('the authorizer, whose store cannot be connected to any more', () => {
  const authorizer = useVirtualAuthorizer()

  it('F13: allows until the grace is over, each time at once, and then nothing', async () => {
    const { clock, proxy, token, ask, recorded } = authorizer()
    const live = token('live')
    await proxy.close()
    for (let passed = 0; passed + 1000 <= snapshotBound; passed += 1000) {
      clock.advance(1000)
      expect(await ask(live)).toBe('allowed')
    }
    expect(recorded.lines.filter(line => line.RevocationStoreUnreachable === 1).length).toBeGreaterThan(50)
    clock.advance(1)
    expect(await ask(live)).toBe('failed')
  })

  it('F13: allows a token that it sees for the first time: the keys need no network either', async () => {
    const { clock, proxy, token, ask } = authorizer()
    await proxy.close()
    clock.advance(snapshotBound)
    expect(await ask(token('new'))).toBe('allowed')
    expect(await ask(`${token('forged').slice(0, -8)}AAAAAAAA`)).toBe('refused')
  })

  it('F13: verifies with the keys that it has for as long as it decides at all', async () => {
    const patient = await startVirtualAuthorizer({ outageGraceSeconds: 1800 })
    await patient.proxy.close()
    // Later than the copy of the ring is to be read again.
    for (let minute = 0; minute < 30; minute++) {
      patient.clock.advance(60_000)
      expect(await patient.ask(patient.token(`minute-${minute}`))).toBe('allowed')
    }
    patient.clock.advance(60_000)
    expect(await patient.ask(patient.token('late'))).toBe('failed')
    await patient.close()
  })
})

describe('a function whose store can be connected to', () => {
  const functions = useFaultedFunctions()

  it('F13: keeps its connections: no request depends on a new one', async () => {
    await functions().token()
    const { storeProxy, kmsProxy } = functions()
    const before = [storeProxy.connections, kmsProxy.connections]
    for (let request = 0; request < 10; request++) await functions().token()
    expect([storeProxy.connections, kmsProxy.connections]).toEqual(before)
  })
})
