import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { countersign, issuer, json, serverOf } from '../bin/command-line.ts'
import { functionEnvironment, startFunction } from '../lambda/support/bundled-function.ts'
import { clientItem, ordersAudience } from '../lambda/support/client-item.ts'
import { authorizerEvent } from '../lambda/support/http-event.ts'
import { KeyRotationWorld } from '../properties/key-rotation-world.ts'
import { useKillableFunctions } from './support/killable-functions.ts'

const functions = useKillableFunctions()
const kid = 'q83vAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

/** The requests that a command has sent; a server that would do whatever it is asked. */
async function sent(args: string[], surroundings: { terminal?: boolean; answer?: string | string[] } = {}) {
  const handler = serverOf(issuer, () => json(200, { revoked_up_to: 1, client_id: 'c', keys: [] }))
  const { code, requests } = await countersign(args, {
    handler,
    awsCredentials: async () => ({ accessKeyId: 'a', secretAccessKey: 's' }),
    ...surroundings,
  })
  const changes = requests.filter(({ method }) => method !== 'GET')
  return { code, changes: changes.map(({ method, url }) => `${method} ${url.pathname}`) }
}

describe('a command that ends what works', () => {
  it.each<[string, string[], { terminal?: boolean; answer?: string | string[] }]>([
    ['revoke-all in a script', ['revoke-all'], {}],
    ['revoke-all, and no', ['revoke-all'], { terminal: true, answer: 'n' }],
    ['revoke-all, and nothing', ['revoke-all'], { terminal: true, answer: '' }],
    ['revoke-all, and yes once', ['revoke-all'], { terminal: true, answer: ['y', 'y'] }],
    ['keys revoke, and no', ['keys', 'revoke', kid], { terminal: true, answer: 'n' }],
    ['clients delete, and no', ['clients', 'delete', 'c'], { terminal: true, answer: 'n' }],
    [
      'resource-servers delete, and no',
      ['resource-servers', 'delete', ordersAudience],
      { terminal: true, answer: 'n' },
    ],
    ['clients delete of nobody', ['clients', 'delete', '--yes'], {}],
    ['clients delete of two', ['clients', 'delete', 'c', 'd', '--yes'], {}],
    ['clients disable of nobody', ['clients', 'disable'], {}],
    ['clients disable of two', ['clients', 'disable', 'c', 'd'], {}],
    ['clients revoke-tokens of nobody', ['clients', 'revoke-tokens'], {}],
    ['an abbreviation', ['revoke', '--yes'], {}],
  ])('F41: changes nothing: %s', async (_, args, surroundings) => {
    const { code, changes } = await sent(args, surroundings)
    expect(code).not.toBe(0)
    expect(changes).toEqual([])
  })

  it('F41: does it when it is meant', async () => {
    expect(await sent(['revoke-all', '--yes'])).toEqual({ code: 0, changes: ['POST /admin/revoke-all'] })
    const twice = await sent(['revoke-all'], { terminal: true, answer: ['yes', 'revoke all'] })
    expect(twice.changes).toEqual(['POST /admin/revoke-all'])
  })
})

describe('a request that ends what works', () => {
  it.each([{ except: ['c'] }, { dry_run: true }, { client_id: 'c' }, ['c'], 'c', null])(
    'F41: revokes nothing at all where it has members that nobody knows: %j',
    async body => {
      await functions().store.put('Clients', clientItem('everyone'))
      const token = await functions().token('everyone')
      const refused = await functions().administer('POST /admin/revoke-all', { body: JSON.stringify(body) })
      expect([refused.status, refused.body.error]).toEqual([400, 'invalid_request'])
      expect(await functions().authorize(token)).toBe('ok')
    },
  )

  it('F41: is undone by one call where it is a disabling: the next token works', async () => {
    await functions().store.put('Clients', clientItem('undone'))
    const at = { parameters: { client_id: 'undone' } }
    await functions().administer('POST /admin/clients/{client_id}/disable', at)
    expect((await functions().requestToken('undone')).status).toBe(401)
    await functions().administer('POST /admin/clients/{client_id}/enable', at)
    expect(await functions().authorize(await functions().token('undone'))).toBe('ok')
  })

  it.each(['*', '%', '.', '..', '', 'c,d', 'all', 'client#c'])(
    'F41: names one client, and never a pattern of them: %j',
    async clientId => {
      await functions().store.put('Clients', clientItem('c'))
      const at = { parameters: { client_id: clientId } }
      for (const routeKey of ['POST /admin/clients/{client_id}/disable', 'DELETE /admin/clients/{client_id}'])
        expect((await functions().administer(routeKey, at)).status).toBe(404)
      expect((await functions().requestToken('c')).status).toBe(200)
    },
  )
})

describe('what nobody has said', () => {
  it('F41: is refused: a route table that is empty allows nothing', async () => {
    await functions().store.put('Clients', clientItem('nightly-export'))
    const token = await functions().token('nightly-export')
    const authorizer = await startFunction(
      'authorizer',
      {
        ...functionEnvironment({ dynamodb: functions().store.url }),
        AUDIENCE: ordersAudience,
        REVOCATION_REFRESH_SECONDS: '0',
        REVOCATION_OUTAGE_GRACE_SECONDS: '0',
      },
      { 'routes.json': '{}' },
    )
    for (const routeKey of ['GET /orders', '$default', 'ANY /{proxy+}']) {
      const { result } = await authorizer.invoke(authorizerEvent(routeKey, `Bearer ${token}`))
      expect(result).toEqual({ isAuthorized: false })
    }
    await authorizer.stop()
  })

  it('F41: is refused: a client has grants, and a grant has scopes', async () => {
    const bodies = [
      { client_name: 'c' },
      { client_name: 'c', grants: [] },
      { client_name: 'c', grants: [{ resource: ordersAudience }] },
      { client_name: 'c', grants: [{ resource: ordersAudience, scope: '' }] },
      { client_name: 'c', grants: [{ resource: '*', scope: 'orders:read' }] },
      { client_name: 'c', grants: [{ resource: ordersAudience, scope: '*' }] },
    ]
    for (const body of bodies) {
      const reply = await functions().administer('POST /admin/clients', { body: JSON.stringify(body) })
      expect([reply.status, reply.body.error]).toEqual([400, 'invalid_client_metadata'])
    }
  })
})

describe('what holds the data', () => {
  it('F41: refuses to be deleted, and stays when its stack goes', () => {
    const text = readFileSync(join(inject('assemblyDir'), 'Countersign.template.json'), 'utf8')
    const resources: Record<string, Record<string, never>> = JSON.parse(text).Resources
    const tables = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::DynamoDB::GlobalTable')
    const kept = tables.filter(([id]) => !id.includes('SingleUse'))
    expect([tables.length, kept.length]).toEqual([5, 4])
    for (const [, table] of kept) {
      const { Properties, ...resource } = table as Record<string, unknown>
      expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })
      const [replica] = (Properties as { Replicas: unknown[] }).Replicas
      expect(replica).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      })
    }
  })

  it('F41: has a key that signs, also when the one that signed is revoked, and the next, and the next', async () => {
    const world = new KeyRotationWorld()
    await world.keeper(0, false).keep()
    for (let mistake = 0; mistake < 5; mistake++) {
      const [signing] = await world.signer.signingKeys(world.seconds)
      await world.keeper(0, false).revoke(signing?.kid ?? '')
      await world.keeper(0, false).keep()
      world.seconds += 10
      const [next] = await world.signer.signingKeys(world.seconds)
      expect(next?.kid).not.toBe(signing?.kid)
    }
  })
})
