import { DeleteTableCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import {
  denied,
  type Fault,
  failing,
  noTable,
  overloaded,
  throttled,
} from '../lambda/support/fault-server.ts'
import {
  expectAdministrationUnavailable,
  expectUnavailable,
  jtiSubject,
  useFaultedFunctions,
  waitLimitMilliseconds,
} from './support/faulted-functions.ts'
import { succeeded, waysToRevoke } from './support/ways-to-revoke.ts'

const functions = useFaultedFunctions()

const writes = { operation: 'UpdateItem', table: 'Revocations' }
describe.each(waysToRevoke(functions))('$way', ({ kind, revoke, expectFailed }) => {
  it('F6: is 503 where the revocation is not written, and done when it is asked for again', async () => {
    const { clientId, token, subjects } = await functions().newClient()
    functions().storeProxy.on(failing, writes)
    const failed = await revoke(clientId, token)
    expectFailed(failed)
    expect(functions().storeProxy.bodies.filter(body => body.TableName === 'Revocations')).toHaveLength(2)
    expect(await functions().revocation(subjects[kind])).toBe(undefined)

    functions().storeProxy.reset()
    expect(succeeded(await revoke(clientId, token))).toBe(true)
    expect(await functions().revocation(subjects[kind])).toBeDefined()
    expect(await functions().authorize(token)).toBe('refused')
  })

  it('F7: is done in spite of a lost answer, by a write that may be repeated', async () => {
    const { clientId, token, subjects } = await functions().newClient()
    functions().storeProxy.on('lost', { ...writes, count: 1 })
    expect(succeeded(await revoke(clientId, token))).toBe(true)
    expect(await functions().revocation(subjects[kind])).toBeDefined()
    expect(await functions().authorize(token)).toBe('refused')
  })

  it('F7: is 503 where every answer is lost; the token is refused all the same', async () => {
    const { clientId, token } = await functions().newClient()
    functions().storeProxy.on('lost', writes)
    expectFailed(await revoke(clientId, token))
    expect(await functions().authorize(token)).toBe('refused')
    functions().storeProxy.reset()
    expect(succeeded(await revoke(clientId, token))).toBe(true)
  })
})

describe('a revocation, whatever the store does to its write', () => {
  const faults: Fault[] = [
    failing,
    overloaded,
    throttled,
    denied,
    noTable,
    'reset',
    'lost',
    'truncate',
    'dup',
  ]

  it('F6: has a row that can be read, for each 200; never 200 and a token that is allowed', async () => {
    for (const fault of [...faults, ...faults]) {
      const token = await functions().token()
      functions().storeProxy.on(fault, { ...writes, probability: 0.5 })
      let answer = await functions().ask('revoke', { token })
      for (let attempt = 1; attempt < 20 && answer.status !== 200; attempt++) {
        expectUnavailable(answer)
        answer = await functions().ask('revoke', { token })
      }
      functions().storeProxy.reset()
      // A coin may fall one way twenty times.
      if (answer.status !== 200) answer = await functions().ask('revoke', { token })
      expect(answer.status).toBe(200)
      expect(await functions().revocation(jtiSubject(token))).toBeDefined()
      expect(await functions().authorize(token)).toBe('refused')
    }
  })

  it('F7: refuses the token once it was refused, whatever the next answers are', async () => {
    const token = await functions().token()
    functions().storeProxy.on('lost', writes)
    expectUnavailable(await functions().ask('revoke', { token }))
    for (const fault of faults) {
      functions().storeProxy.reset()
      functions().storeProxy.on(fault, writes)
      const { status } = await functions().ask('revoke', { token })
      expect([200, 503]).toContain(status)
      expect(await functions().authorize(token)).toBe('refused')
    }
  })

  it('F6: is 503 within 1.5 s where the store never answers it', async () => {
    const token = await functions().token()
    functions().storeProxy.on('hang', writes)
    const answer = await functions().ask('revoke', { token })
    expectUnavailable(answer)
    expect(answer.storeOperations).toEqual(['BatchGetItem', 'UpdateItem', 'UpdateItem'])
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
  })
})

describe('a table of revocations that is gone', () => {
  // Of their own: nothing brings the table back.
  const functions = useFaultedFunctions()

  it('F12: makes a revocation 503, without a second attempt, and is counted for the alarm', async () => {
    const token = await functions().token()
    await functions().store.client.send(new DeleteTableCommand({ TableName: 'Revocations' }))
    const answer = await functions().ask('revoke', { token })
    expectUnavailable(answer)
    expect(answer.storeOperations).toEqual(['BatchGetItem', 'UpdateItem'])
    expect(answer.lines).toMatchObject([
      { message: 'store call failed', error: 'ResourceNotFoundException', StoreErrors: 1 },
      { reason: 'store_unavailable', RevocationsFailed: 1 },
    ])
    expect(await functions().authorize(token)).toBe('failed')
  })

  it('F12: disables a client as far as it can, and says that it is not done', async () => {
    await functions().addClient('half-disabled')
    const disable = await functions().administer('POST /admin/clients/{client_id}/disable', {
      client_id: 'half-disabled',
    })
    expectAdministrationUnavailable(disable)
    expect((await functions().ask('token', undefined, 'half-disabled')).status).toBe(401)
  })
})
