import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import { clientItem, clientSecret, ordersAudience } from '../lambda/support/client-item.ts'
import type { EventParts } from '../lambda/support/http-event.ts'
import { useKillableFunctions } from './support/killable-functions.ts'

const functions = useKillableFunctions()
beforeEach(() => functions().proxy.reset())

interface Cut {
  /** How many operations of the store come before the first write. */
  readonly reads: number
  /** The write that nobody is told the end of. */
  readonly write: number
  readonly isApplied: boolean
}

/** Invokes administration, and kills it while it waits for the answer to a write. */
async function cutOff({ reads, write, isApplied }: Cut, routeKey: string, parts: Partial<EventParts>) {
  const { proxy } = functions()
  const admin = await functions().start('admin')
  const before = reads + write - 1
  proxy.reset()
  const death = new Promise<void>(resolve => {
    const kill = () => admin.stop().then(resolve)
    proxy.next(...Array<'pass'>(before).fill('pass'), isApplied ? { before: kill } : 'hang')
    proxy.always('hang')
    // It never answers.
    void functions().administer(routeKey, parts, admin)
    if (!isApplied)
      void expect
        .poll(() => proxy.operations.length, { interval: 10 })
        .toBe(before + 1)
        .then(kill)
  })
  await death
  expect(['UpdateItem', 'PutItem']).toContain(proxy.operations[before])
  proxy.reset()
}

const changes = [
  { routeKey: 'POST /admin/clients/{client_id}/disable', reads: 1, issues: false },
  { routeKey: 'POST /admin/clients/{client_id}/revoke-tokens', reads: 1, issues: true },
  { routeKey: 'DELETE /admin/clients/{client_id}', reads: 2, issues: false },
]

const moments = changes.flatMap(change =>
  [
    { write: 1, isApplied: false },
    { write: 1, isApplied: true },
    { write: 2, isApplied: false },
    { write: 2, isApplied: true },
  ].map((moment, index) => ({ ...change, ...moment, clientId: `c-${change.routeKey.length}-${index}` })),
)

describe('a change that is cut off', () => {
  it.each(moments)(
    'F33: $routeKey, killed at write $write (applied: $isApplied), leaves a whole client, and holds when it is repeated',
    async ({ routeKey, reads, write, isApplied, issues, clientId }) => {
      const { store } = functions()
      await store.put('Clients', clientItem(clientId))
      const before = await functions().token(clientId)
      const parts = { parameters: { client_id: clientId } }
      await cutOff({ reads, write, isApplied }, routeKey, parts)

      // The client's own record comes first: it is as it was, or changed, and nothing between.
      const isChanged = write === 2 || isApplied
      const next = await functions().requestToken(clientId)
      expect(next.reason).toBe(
        isChanged && !issues ? (routeKey.startsWith('DELETE') ? 'client_unknown' : 'client_disabled') : 'ok',
      )
      // What was granted before counts until the second write, of which nobody was told.
      const isRevoked = write === 2 && isApplied
      expect(await functions().authorize(before)).toBe(isRevoked ? 'token_revoked' : 'ok')

      const repeated = await functions().administer(routeKey, parts)
      expect([200, 204]).toContain(repeated.status)
      expect(await functions().authorize(before)).toBe('token_revoked')
      if (issues) {
        // Those of the time after it are good at once.
        const after = await functions().token(clientId)
        expect(await functions().authorize(after)).toBe('ok')
      } else {
        expect((await functions().requestToken(clientId)).status).toBe(401)
      }
    },
  )

  it('F33: a disabling, after which the client is enabled instead of disabled again, leaves no old token alive', async () => {
    const clientId = 'enabled-instead'
    await functions().store.put('Clients', clientItem(clientId))
    const before = await functions().token(clientId)
    const parts = { parameters: { client_id: clientId } }
    const cut = { reads: 1, write: 2, isApplied: false }
    await cutOff(cut, 'POST /admin/clients/{client_id}/disable', parts)
    expect(await functions().authorize(before)).toBe('ok')
    await functions().administer('POST /admin/clients/{client_id}/enable', parts)
    expect(await functions().authorize(before)).toBe('token_revoked')
    expect(await functions().authorize(await functions().token(clientId))).toBe('ok')
  })
})

const registration = JSON.stringify({
  client_name: 'cut off',
  grants: [{ resource: ordersAudience, scope: 'orders:read' }],
})

/** Every client that there is, by how many of its secrets have a digest. */
async function storedClients(): Promise<[string, number, number][]> {
  const { Items = [] } = await functions().store.client.send(
    new ScanCommand({ TableName: 'Clients', ConsistentRead: true }),
  )
  return Items.filter(item => item.client_name?.S === 'cut off').map(item => [
    item.client_id?.S ?? '',
    item.secrets?.L?.length ?? 0,
    Object.keys(item.secret_digests?.M ?? {}).length,
  ])
}

describe('a registration that is cut off', () => {
  it.each([false, true])(
    'F33: is one write: the client with its secret is there, or nothing (applied: %s)',
    async isApplied => {
      const known = (await storedClients()).length
      await cutOff({ reads: 1, write: 1, isApplied }, 'POST /admin/clients', { body: registration })
      const clients = await storedClients()
      expect(clients.length - known).toBe(isApplied ? 1 : 0)
      for (const [, secrets, digests] of clients) expect([secrets, digests]).toEqual([1, 1])
      // Nobody has that secret: the client is listed, and can be deleted.
      for (const [clientId] of clients) {
        const parts = { parameters: { client_id: clientId } }
        expect((await functions().administer('DELETE /admin/clients/{client_id}', parts)).status).toBe(204)
      }
    },
  )
})

describe('a secret that is added and cut off', () => {
  it.each([false, true])(
    'F33: is one write: the old one works, and every listed one has its digest (applied: %s)',
    async isApplied => {
      const clientId = `rotated-${isApplied}`
      await functions().store.put('Clients', clientItem(clientId, { client_name: { S: 'cut off' } }))
      const parts = { parameters: { client_id: clientId } }
      await cutOff({ reads: 1, write: 1, isApplied }, 'POST /admin/clients/{client_id}/secrets', parts)
      const stored = (await storedClients()).find(([id]) => id === clientId)
      expect(stored).toEqual([clientId, isApplied ? 2 : 1, isApplied ? 2 : 1])
      expect((await functions().requestToken(clientId, clientSecret)).status).toBe(200)
    },
  )
})
