import { describe, expect, it } from 'vitest'
import {
  ResourceServerAdministration,
  unregisteredGrant,
} from '../../../../lambda/oauth/administration/resource-server-administration.ts'
import { resourceServer } from '../support/fake-clients.ts'
import { clientWith, newResourceServerStore } from '../support/fake-resource-servers.ts'
import { nowSeconds } from '../support/token-maker.ts'

const audience = 'urn:stock'
const scopes = [
  { scope: 'read', description: 'Read' },
  { scope: 'write', description: '' },
]
const metadata = { scopes, accessTokenLifetimeSeconds: undefined }
const grants = (scope: string[]) => ({ grants: [{ resource: audience, scope }] })

async function withServer(clients: Parameters<typeof newResourceServerStore>[0] = []) {
  const fake = newResourceServerStore(clients)
  const administration = new ResourceServerAdministration(fake.ports)
  const created = await administration.create({ audience, ...metadata })
  return { ...fake, administration, created }
}

describe('a resource server', () => {
  it('is registered once for each audience', async () => {
    const { administration, created, rows } = await withServer()
    const expected = { audience, ...metadata, managedBy: 'administration', version: 1 }
    expect(created).toEqual({ ...expected, createdAt: nowSeconds, updatedAt: nowSeconds })
    expect(rows.get(audience)).toEqual(created)
    expect(await administration.show(audience)).toEqual(created)
    const again = administration.create({ audience, ...metadata })
    await expect(again).rejects.toMatchObject({
      code: 'conflict',
      detail: 'a resource server of this audience is registered already',
    })
  })

  it('that is not registered is not found', async () => {
    const { administration } = await withServer()
    const missing = { code: 'not_found', detail: 'there is no such resource server' }
    await expect(administration.show('urn:other')).rejects.toMatchObject(missing)
    await expect(administration.delete('urn:other')).rejects.toMatchObject(missing)
    const update = administration.update('urn:other', { ...metadata, version: 1 })
    await expect(update).rejects.toMatchObject(missing)
  })

  it('is replaced on the version that was read, and on no other', async () => {
    const { administration, ports, state, rows, created } = await withServer()
    ports.clock.advance(5000)
    const change = { scopes, accessTokenLifetimeSeconds: 300 }
    const updated = await administration.update(audience, { ...change, version: 1 })
    expect(updated).toEqual({ ...created, ...change, version: 2, updatedAt: nowSeconds + 5 })
    const conflict = {
      code: 'conflict',
      detail:
        'the resource server was changed meanwhile: read it again and repeat the change on its current version',
    }
    await expect(administration.update(audience, { ...change, version: 1 })).rejects.toMatchObject(conflict)
    state.beforeWrite = () => rows.set(audience, { ...updated, version: 9 })
    await expect(administration.update(audience, { ...change, version: 2 })).rejects.toMatchObject(conflict)
    rows.set(audience, updated)
    // Of a version that was not read, even where another change makes it that version.
    await expect(administration.update(audience, { ...change, version: 9 })).rejects.toMatchObject(conflict)
    rows.set(audience, updated)
    await expect(administration.delete(audience)).rejects.toMatchObject(conflict)
  })

  it('keeps a scope that a client is granted, and names the client', async () => {
    const { administration } = await withServer([
      clientWith('reader', grants(['read'])),
      clientWith('elsewhere', { grants: [{ resource: 'urn:other', scope: ['write'] }] }),
    ])
    const without = (scope: string) => ({
      ...metadata,
      scopes: scopes.filter(each => each.scope !== scope),
      version: 1,
    })
    await expect(administration.update(audience, without('read'))).rejects.toMatchObject({
      code: 'in_use',
      detail: 'a scope that would go is granted to reader: change their grants first',
    })
    expect(await administration.update(audience, without('write'))).toMatchObject({ version: 2 })
  })

  it('keeps a scope that a client is granted beside others that stay', async () => {
    const { administration } = await withServer([clientWith('both', grants(['read', 'write']))])
    const change = { ...metadata, scopes: scopes.slice(0, 1), version: 1 }
    await expect(administration.update(audience, change)).rejects.toMatchObject({ code: 'in_use' })
  })

  it('is replaced without a look at the clients where no scope goes', async () => {
    const { ports } = await withServer()
    const everyClient = () => {
      throw new Error('not asked for')
    }
    const administration = new ResourceServerAdministration({ ...ports, everyClient })
    const change = { scopes: [...scopes, { scope: 'more', description: '' }], version: 1 }
    expect(await administration.update(audience, { ...metadata, ...change })).toMatchObject({ version: 2 })
  })

  it('is not deleted while a client is granted something there, or is it', async () => {
    const clients = ['a', 'b', 'c', 'd', 'e'].map(id => clientWith(id, grants(['read'])))
    const used = await withServer(clients)
    await expect(used.administration.delete(audience)).rejects.toMatchObject({
      code: 'in_use',
      detail: 'the resource server is granted to a, b, c and 2 more: change their grants first',
    })
    const own = await withServer([clientWith('itself', { grants: [], resourceServer: audience })])
    await expect(own.administration.delete(audience)).rejects.toMatchObject({ code: 'in_use' })
    const three = await withServer(clients.slice(0, 3))
    await expect(three.administration.delete(audience)).rejects.toMatchObject({
      detail: 'the resource server is granted to a, b, c: change their grants first',
    })
    const unused = await withServer([clientWith('other', {})])
    await unused.administration.delete(audience)
    expect(unused.rows.has(audience)).toBe(false)
  })

  it('that the app declares is changed there', async () => {
    const { administration, rows, created } = await withServer()
    rows.set(audience, { ...created, managedBy: 'deployment' })
    const refused = {
      code: 'conflict',
      detail: 'the resource server is declared in the CDK app: change it there and deploy',
    }
    await expect(administration.delete(audience)).rejects.toMatchObject(refused)
    await expect(administration.update(audience, { ...metadata, version: 1 })).rejects.toMatchObject(refused)
  })
})

describe('grants', () => {
  it('name registered resource servers and scopes, or it is said which does not', () => {
    const registered = [resourceServer]
    const orders = resourceServer.audience
    const problem = (...list: { resource: string; scope: string[] }[]) => unregisteredGrant(list, registered)
    expect(problem()).toBe(undefined)
    expect(problem({ resource: orders, scope: ['orders:read', 'orders:write'] })).toBe(undefined)
    expect(problem({ resource: orders, scope: ['orders:read'] }, { resource: 'urn:x', scope: ['a'] })).toBe(
      'grants: the resource of entry 2 is not registered: register the resource server first',
    )
    expect(problem({ resource: orders, scope: ['orders:read', 'orders:admin'] })).toBe(
      'grants: scope 2 of entry 1 is not registered for its resource: add it to the resource server first',
    )
    expect(problem({ resource: orders, scope: ['orders:admin', 'orders:read'] })).toBe(
      'grants: scope 1 of entry 1 is not registered for its resource: add it to the resource server first',
    )
  })
})
