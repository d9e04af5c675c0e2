import { beforeEach, describe, expect, it } from 'vitest'
import { failuresId } from '../../lambda/adapters/authentication-failures-item.ts'
import { sourceNetwork } from '../../lambda/oauth/authentication-failures.ts'
import { useClientFunctions } from '../attacks/support/client-functions.ts'
import { functionEnvironment, startFunction } from '../lambda/support/bundled-function.ts'
import { ordersAudience, ordersServerItem } from '../lambda/support/client-item.ts'
import { adminEvent, httpEvent } from '../lambda/support/http-event.ts'
import type { Attributes } from '../lambda/support/local-store.ts'
import { soundClient, wrongValues } from './support/poison.ts'

const functions = useClientFunctions()
beforeEach(() => functions().addClient('neighbour'))

const attributes = Object.keys(soundClient).filter(name => name !== 'client_id')

describe('beside a client', () => {
  it.each(Object.entries(wrongValues))(
    'F25: a counter of failures that is a %s locks nobody out',
    async (what, value) => {
      const clientId = `counted-${what.replaceAll(' ', '-')}`
      await functions().addClient(clientId)
      const id = failuresId({ clientId, source: sourceNetwork('192.0.2.7') })
      for (const counter of [
        { failures: value },
        { failures: { N: '99' }, since: value },
        { since: value },
      ]) {
        await functions().store.put('SingleUse', { ...counter, id: { S: id } } as Attributes)
        expect((await functions().invoke('token', clientId)).status).toBe(200)
      }
    },
  )

  it.each(['scopes', 'managed_by', 'version', 'created_at', 'access_token_lifetime'])(
    'F25: a resource server with a damaged %s gets no tokens, and others do',
    async name => {
      const audience = `https://${name.replaceAll('_', '-')}.example.com`
      const grants = [audience, ordersAudience].map(resource => ({
        M: { resource: { S: resource }, scope: { S: 'orders:read' } },
      }))
      await functions().addClient(`both-${name}`, { grants: { L: grants } })
      await functions().store.put('ResourceServers', {
        ...ordersServerItem,
        audience: { S: audience },
        [name]: { BOOL: true },
      })
      const ask = (resource: string) =>
        functions().invoke('token', `both-${name}`, undefined, {
          body: new URLSearchParams({ grant_type: 'client_credentials', resource }).toString(),
        })
      const refused = await ask(audience)
      expect([refused.status, JSON.parse(refused.body).error]).toEqual([400, 'invalid_target'])
      expect(refused.texts.join('')).toContain('malformed record')
      expect((await ask(ordersAudience)).status).toBe(200)
    },
  )
})

describe('administration', () => {
  it('F25: lists every client but the damaged ones, names those in its records, and can delete none of them blindly', async () => {
    const { store } = functions()
    const admin = await startFunction('admin', functionEnvironment({ dynamodb: store.url }))
    for (const [index, name] of attributes.entries()) {
      const { [name]: _, ...others } = soundClient
      await store.put('Clients', { ...others, client_id: { S: `listed-${index}` }, [name]: { BOOL: true } })
    }
    const listed = await admin.invoke(adminEvent({ routeKey: 'GET /admin/clients', query: { limit: '100' } }))
    const { clients } = JSON.parse((listed.result as { body: string }).body)
    const ids: string[] = clients.map((client: { client_id: string }) => client.client_id)
    expect(ids).toContain('neighbour')
    const reported = listed.lines.filter(line => line.message === 'malformed record').map(line => line.key)
    // It may not read the digests, and does not need the name of a write.
    const invisible = ['secret_digests', 'write_id']
    const expected = attributes.flatMap((name, index) =>
      invisible.includes(name) ? [] : [`listed-${index}`],
    )
    expect(reported).toEqual(expect.arrayContaining(expected))
    const shown = await admin.invoke(
      adminEvent({ routeKey: 'GET /admin/clients/{client_id}', parameters: { client_id: 'listed-0' } }),
    )
    expect(shown.result).toMatchObject({ statusCode: 500 })
    const next = await admin.invoke(
      adminEvent({ routeKey: 'GET /admin/clients/{client_id}', parameters: { client_id: 'neighbour' } }),
    )
    expect(next.result).toMatchObject({ statusCode: 200 })
    await admin.stop()
  })

  it('F25: answers whatever event it is given', async () => {
    const admin = await startFunction('admin', functionEnvironment({ dynamodb: functions().store.url }))
    const odd = [httpEvent({ routeKey: 'GET /admin/clients' }), { ...adminEvent({ routeKey: 'x' }), body: 7 }]
    for (const event of odd) expect((await admin.invoke(event)).failure).toBe(undefined)
    await admin.stop()
  })
})
