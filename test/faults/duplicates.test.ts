import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { ordersAudience } from '../lambda/support/client-item.ts'
import { jtiSubject, useFaultedFunctions } from './support/faulted-functions.ts'
import { succeeded, waysToRevoke } from './support/ways-to-revoke.ts'

const functions = useFaultedFunctions()

const registration = { client_name: 'Export', grants: [{ resource: ordersAudience, scope: 'orders:read' }] }

describe.each(waysToRevoke(functions))('$way, delivered twice', ({ kind, revoke }) => {
  it('F8: leaves what it does once, and one audit event', async () => {
    const once = await functions().newClient()
    const twice = await functions().newClient()
    expect(succeeded(await revoke(once.clientId, once.token))).toBe(true)
    functions().storeProxy.always('dup')
    const answer = await revoke(twice.clientId, twice.token)
    expect([succeeded(answer), answer.event.outcome]).toEqual([true, 'allowed'])
    functions().storeProxy.reset()
    expect(await functions().authorize(twice.token)).toBe('refused')
    const rows = [once, twice].map(({ subjects }) => functions().revocation(subjects[kind]))
    const [ofOnce, ofTwice] = (await Promise.all(rows)).map(row => Object.keys(row ?? {}).toSorted())
    expect(ofTwice).toEqual(ofOnce)
    const clients = [once, twice].map(({ clientId }) =>
      functions().store.get('Clients', { client_id: { S: clientId } }),
    )
    const [first, second] = (await Promise.all(clients)).map(item => [item?.status, item?.version])
    expect(second).toEqual(first)
  })
})

describe('what is delivered twice', () => {
  it('F8: registers one client', async () => {
    functions().storeProxy.on('dup', { operation: 'PutItem', table: 'Clients' })
    const answer = await functions().administer('POST /admin/clients', {}, registration)
    expect(answer.status).toBe(201)
    functions().storeProxy.reset()
    const { client_id } = JSON.parse(answer.body)
    const shown = await functions().administer('GET /admin/clients/{client_id}', { client_id })
    expect([shown.status, JSON.parse(shown.body).version]).toEqual([200, 1])
    const registered = answer.lines.filter(({ audit }) => audit === 'client.create')
    expect(registered).toMatchObject([{ outcome: 'allowed', clientId: client_id }])
  })

  it('F8: disables a client once: one version, one moment', async () => {
    const { clientId } = await functions().newClient()
    functions().storeProxy.always('dup')
    const disable = () =>
      functions().administer('POST /admin/clients/{client_id}/disable', { client_id: clientId })
    const first = JSON.parse((await disable()).body)
    // A client that is disabled stays as it is.
    expect(JSON.parse((await disable()).body)).toEqual(first)
    expect([first.status, first.version]).toEqual(['disabled', 2])
  })

  it('F8: adds one secret', async () => {
    const { clientId: client_id } = await functions().newClient()
    functions().storeProxy.always('dup')
    const added = await functions().administer(
      'POST /admin/clients/{client_id}/secrets',
      { client_id },
      { overlap_seconds: 60 },
    )
    expect([added.status, JSON.parse(added.body).secrets.length]).toEqual([201, 2])
  })

  it('F8: revokes a token once, by a row that the second request leaves as it is', async () => {
    const token = await functions().token()
    expect((await functions().ask('revoke', { token })).status).toBe(200)
    const { revoked_at: _, ...first } = (await functions().revocation(jtiSubject(token))) ?? {}
    expect((await functions().ask('revoke', { token })).status).toBe(200)
    expect(await functions().revocation(jtiSubject(token))).toMatchObject(first)
  })
})

describe('what is delivered a second time long after the first', () => {
  /** The last write to a table that the functions asked for, as it would be delivered again. */
  function lastWriteTo(table: string) {
    const { operations, bodies } = functions().storeProxy
    const index = bodies.findLastIndex(
      (body, each) => body.TableName === table && /^(Put|Update)Item$/.test(operations[each] ?? ''),
    )
    const body = bodies[index] as never
    const command = operations[index] === 'PutItem' ? new PutItemCommand(body) : new UpdateItemCommand(body)
    return () => functions().store.client.send(command as UpdateItemCommand)
  }

  it('F8: does not disable a client that was enabled meanwhile', async () => {
    const { clientId: client_id } = await functions().newClient()
    await functions().administer('POST /admin/clients/{client_id}/disable', { client_id })
    const disableAgain = lastWriteTo('Clients')
    await functions().administer('POST /admin/clients/{client_id}/enable', { client_id })
    await expect(disableAgain()).rejects.toThrow('conditional')
    expect((await functions().ask('token', undefined, client_id)).status).toBe(200)
  })

  it('F8: does not enable a client that was disabled meanwhile', async () => {
    const { clientId: client_id } = await functions().newClient()
    await functions().administer('POST /admin/clients/{client_id}/disable', { client_id })
    await functions().administer('POST /admin/clients/{client_id}/enable', { client_id })
    const enableAgain = lastWriteTo('Clients')
    await functions().administer('POST /admin/clients/{client_id}/disable', { client_id })
    await expect(enableAgain()).rejects.toThrow('conditional')
    expect((await functions().ask('token', undefined, client_id)).status).toBe(401)
  })

  it('F8: does not register a client again that was deleted meanwhile', async () => {
    const { body } = await functions().administer('POST /admin/clients', {}, registration)
    const registerAgain = lastWriteTo('Clients')
    const { client_id } = JSON.parse(body)
    await functions().administer('DELETE /admin/clients/{client_id}', { client_id })
    await expect(registerAgain()).rejects.toThrow('conditional')
    const shown = await functions().administer('GET /admin/clients/{client_id}', { client_id })
    expect(shown.status).toBe(404)
  })

  it('F8: does not take back the later moment of a client', async () => {
    const { clientId: client_id, subjects } = await functions().newClient()
    const revokeTokens = () =>
      functions().administer('POST /admin/clients/{client_id}/revoke-tokens', { client_id })
    await revokeTokens()
    const revokeAgain = lastWriteTo('Revocations')
    const { revoked_up_to: later } = JSON.parse((await revokeTokens()).body)
    await revokeAgain().catch(() => undefined)
    expect((await functions().revocation(subjects.client))?.revoked_up_to?.N).toBe(String(later))
  })
})
