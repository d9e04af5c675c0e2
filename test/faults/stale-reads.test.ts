import { describe, expect, it } from 'vitest'
import { endpointNames } from '../attacks/support/attacked-endpoints.ts'
import { expectOAuthError } from '../attacks/support/oauth-error.ts'
import { expectUnavailable, useFaultedFunctions } from './support/faulted-functions.ts'
import { useVirtualAuthorizer } from './support/virtual-authorizer.ts'

const functions = useFaultedFunctions()

interface Read {
  readonly TableName?: string
  readonly ConsistentRead?: boolean
  readonly RequestItems?: Record<string, { readonly ConsistentRead?: boolean }>
}

/** The tables that were read since the last request began, each with whether it was read consistently. */
function readTables(): [string | undefined, boolean | undefined][] {
  const { bodies, operations } = functions().storeProxy
  const reads = bodies.filter((_, index) => /GetItem$|^Query$|^Scan$/.test(operations[index] ?? '')) as Read[]
  return reads.flatMap(({ TableName, ConsistentRead, RequestItems }) =>
    RequestItems === undefined
      ? [[TableName, ConsistentRead] as [string | undefined, boolean | undefined]]
      : Object.entries(RequestItems).map(([table, request]): [string, boolean | undefined] => [
          table,
          request.ConsistentRead,
        ]),
  )
}

describe('every read that a decision depends on', () => {
  it.each(endpointNames)(
    'F5: is strongly consistent at the %s endpoint, from its first request on',
    async endpoint => {
      const running = await functions().start(endpoint)
      const ofStart = readTables()
      const token = await functions().token()
      const form = endpoint === 'token' ? undefined : { token }
      expect((await functions().ask(endpoint, form, undefined, running)).status).toBe(200)
      const reads = [...ofStart, ...readTables()]
      expect(reads.map(([table]) => table)).toContain('Clients')
      expect(reads.filter(([, isConsistent]) => isConsistent !== true)).toEqual([])
    },
  )

  it.each(['0', '600'])(
    'F5: is strongly consistent at the authorizer, with a refresh of %s s',
    async seconds => {
      const token = await functions().token()
      functions().storeProxy.reset()
      const running = await functions().start('authorizer', { REVOCATION_REFRESH_SECONDS: seconds })
      expect(await functions().authorize(token, running)).toBe('allowed')
      const reads = readTables()
      expect(new Set(reads.map(([table]) => table))).toEqual(new Set(['SigningKeys', 'Revocations']))
      expect(reads.filter(([, isConsistent]) => isConsistent !== true)).toEqual([])
    },
  )

  it.each(['disable', 'enable', 'revoke-tokens', 'secrets'])(
    'F5: is strongly consistent in administration: %s',
    async operation => {
      const { clientId: client_id } = await functions().newClient()
      await functions().administer(`POST /admin/clients/{client_id}/${operation}`, { client_id }, {})
      const ofClients = readTables().filter(([table]) => table === 'Clients')
      expect(ofClients.length).toBeGreaterThan(0)
      for (const [, isConsistent] of ofClients) expect(isConsistent).toBe(true)
    },
  )
})

describe('a client that a read does not find', () => {
  it.each(endpointNames)(
    'F5: is refused as an unknown one, and served when it is found: %s',
    async endpoint => {
      expect((await functions().ask(endpoint)).status).toBe(200)
      functions().storeProxy.on('stale', { table: 'Clients' })
      const answer = await functions().ask(endpoint)
      expectOAuthError(answer, 401, 'invalid_client')
      expect(answer.event.reason).toBe('client_unknown')
      functions().storeProxy.reset()
      expect((await functions().ask(endpoint)).status).toBe(200)
    },
  )

  it('F5: is not disabled in name only: 404 rather than success', async () => {
    const { clientId: client_id } = await functions().newClient()
    functions().storeProxy.on('stale', { table: 'Clients' })
    const answer = await functions().administer('POST /admin/clients/{client_id}/disable', { client_id })
    expect([answer.status, answer.event.reason]).toEqual([404, 'not_found'])
  })
})

describe('a ring of keys that a read does not find', () => {
  it('F5: is an outage at first, and nothing is signed or authorized without it', async () => {
    const token = await functions().token()
    functions().storeProxy.on('stale', { table: 'SigningKeys' })
    const signing = await functions().start('token')
    const verifying = await functions().start('authorizer')
    expectUnavailable(await functions().ask('token', undefined, undefined, signing))
    expect(await functions().authorize(token, verifying)).toBe('failed')
    functions().storeProxy.reset()
    expect((await functions().ask('token', undefined, undefined, signing)).status).toBe(200)
    expect(await functions().authorize(token, verifying)).toBe('allowed')
  })
})

describe('a ring of keys that was read before, and is not found again', () => {
  const authorizer = useVirtualAuthorizer()

  it('F5: is kept: keys that were trusted are not forgotten for an empty answer', async () => {
    const { clock, proxy, token, ask } = authorizer()
    proxy.on('stale', { table: 'SigningKeys' })
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(60_000)
      expect(await ask(token(`minute-${minute}`))).toBe('allowed')
    }
  })
})

describe('a revocation that a read does not find any more', () => {
  const authorizer = useVirtualAuthorizer()

  it('F5: holds: once refused, never allowed', async () => {
    const { clock, proxy, token, ask, revoke } = authorizer()
    await revoke('revoked')
    clock.advance(5001)
    expect(await ask(token('revoked'))).toBe('refused')
    proxy.on('stale', { table: 'Revocations' })
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(60_000)
      expect(await ask(token('revoked'))).toBe('refused')
    }
  })
})
