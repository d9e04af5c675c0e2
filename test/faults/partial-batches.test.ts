import { describe, expect, it } from 'vitest'
import { ordersAudience } from '../lambda/support/client-item.ts'
import {
  expectAdministrationUnavailable,
  expectUnavailable,
  useFaultedFunctions,
} from './support/faulted-functions.ts'

const functions = useFaultedFunctions()

const registration = { client_name: 'Export', grants: [{ resource: ordersAudience, scope: 'orders:read' }] }

describe('the revocation of everything that a client has', () => {
  it('F11: is one row whatever the number of its tokens: there is no batch that is done in part', async () => {
    const { clientId: client_id, token } = await functions().newClient()
    const tokens = [token]
    for (let issued = 0; issued < 10; issued++) tokens.push(await functions().token(client_id))
    functions().storeProxy.reset()
    functions().storeProxy.always({ processes: 0 })
    const { status } = await functions().administer('POST /admin/clients/{client_id}/revoke-tokens', {
      client_id,
    })
    expect(status).toBe(200)
    expect(functions().storeProxy.operations).toEqual(['GetItem', 'UpdateItem', 'UpdateItem'])
    functions().storeProxy.reset()
    for (const each of tokens) expect(await functions().authorize(each)).toBe('refused')
  })
})

describe('a batch of which a part is left unread', () => {
  it('F11: is no authorization: it may be the revocation that is missing', async () => {
    const token = await functions().token()
    for (const processes of [0, 1, 2, 3]) {
      functions().storeProxy.on({ processes }, { table: 'Revocations' })
      expect(await functions().authorize(token)).toBe('failed')
      functions().storeProxy.reset()
    }
    functions().storeProxy.on({ processes: 4 }, { table: 'Revocations' })
    expect(await functions().authorize(token)).toBe('allowed')
  })

  it('F11: is no authentication where it is the client; the counter beside it may be missing', async () => {
    functions().storeProxy.on({ processes: 0 }, { operation: 'BatchGetItem' })
    const without = await functions().ask('token')
    expect([without.status, without.storeOperations.slice(0, 2)]).toEqual([200, ['BatchGetItem', 'GetItem']])
    functions().storeProxy.reset()
    functions().storeProxy.on({ processes: 1 }, { operation: 'BatchGetItem' })
    expect((await functions().ask('token')).status).toBe(200)
    functions().storeProxy.reset()
    functions().storeProxy.on({ processes: 0 }, { operation: 'BatchGetItem' })
    functions().storeProxy.on('reset', { operation: 'GetItem', table: 'Clients' })
    expectUnavailable(await functions().ask('token'))
  })

  it('F11: is no registration: a grant may be of what is not registered', async () => {
    functions().storeProxy.on({ processes: 0 }, { table: 'ResourceServers' })
    const answer = await functions().administer('POST /admin/clients', {}, registration)
    expectAdministrationUnavailable(answer)
    expect(answer.storeOperations).toEqual(['BatchGetItem'])
  })
})
