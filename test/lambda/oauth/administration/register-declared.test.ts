import { describe, expect, it } from 'vitest'
import { registerDeclared } from '../../../../lambda/oauth/administration/register-declared.ts'
import { clientWith, newResourceServerStore } from '../support/fake-resource-servers.ts'
import { nowSeconds } from '../support/token-maker.ts'

const audience = 'urn:stock'
const declared = {
  audience,
  scopes: [
    { scope: 'read', description: 'Read' },
    { scope: 'write', description: 'Write' },
  ],
  accessTokenLifetimeSeconds: 120,
}
/** The declared scopes, the first of them changed. */
const firstScope = (changes: object) =>
  declared.scopes.map((scope, index) => (index === 0 ? { ...scope, ...changes } : scope))
const granted = (resource: string, scope: string[]) => clientWith('c', { grants: [{ resource, scope }] })
const scopesOf = (row: { scopes: readonly { scope: string }[] } | undefined) =>
  row?.scopes.map(({ scope }) => scope)

describe('the resource servers of a deployment', () => {
  it('are registered as they are declared, and once', async () => {
    const { rows, ports, writes } = newResourceServerStore()
    expect(await registerDeclared([declared], ports)).toEqual([audience])
    expect(rows.get(audience)).toEqual({
      ...declared,
      managedBy: 'deployment',
      version: 1,
      createdAt: nowSeconds,
      updatedAt: nowSeconds,
    })
    expect(await registerDeclared([declared], ports)).toEqual([])
    expect(writes).toEqual([audience])
  })

  it.each([
    ['a scope less', { ...declared, scopes: declared.scopes.slice(0, 1) }],
    ['another scope', { ...declared, scopes: firstScope({ scope: 'delete' }) }],
    ['another description', { ...declared, scopes: firstScope({ description: 'New' }) }],
    ['a lifetime', { ...declared, accessTokenLifetimeSeconds: 300 }],
    ['no lifetime', { ...declared, accessTokenLifetimeSeconds: undefined }],
  ])('are changed with %s', async (_, changed) => {
    const { rows, ports } = newResourceServerStore()
    await registerDeclared([declared], ports)
    ports.clock.advance(7000)
    expect(await registerDeclared([changed], ports)).toEqual([audience])
    expect(rows.get(audience)).toMatchObject({
      ...changed,
      version: 2,
      createdAt: nowSeconds,
      updatedAt: nowSeconds + 7,
    })
  })

  it('keep what clients have been granted, described as it was', async () => {
    const clients = [granted(audience, ['read', 'zeta', 'alpha'])]
    const { rows, ports } = newResourceServerStore(clients)
    await registerDeclared([{ ...declared, scopes: [{ scope: 'alpha', description: 'Old' }] }], ports)
    await registerDeclared([declared], ports)
    expect(rows.get(audience)?.scopes).toEqual([
      ...declared.scopes,
      { scope: 'alpha', description: 'Old' },
      { scope: 'zeta', description: '' },
    ])
  })

  it('and those that clients were granted before are registered: grants that exist go on working', async () => {
    const clients = [
      granted('urn:a', ['x', 'y']),
      granted('urn:a', ['z']),
      clientWith('own', { grants: [], resourceServer: 'urn:b' }),
    ]
    const { rows, ports } = newResourceServerStore(clients)
    expect(await registerDeclared([], ports)).toEqual(['urn:a', 'urn:b'])
    expect(scopesOf(rows.get('urn:a'))).toEqual(['x', 'y', 'z'])
    expect(rows.get('urn:a')).toMatchObject({ managedBy: 'administration', version: 1 })
    expect(scopesOf(rows.get('urn:b'))).toEqual([])
    expect(await registerDeclared([], ports)).toEqual([])
  })

  it('are handed to administration when they are declared no longer', async () => {
    const { rows, ports } = newResourceServerStore()
    await registerDeclared([declared], ports)
    expect(await registerDeclared([], ports)).toEqual([audience])
    expect(rows.get(audience)).toMatchObject({ ...declared, managedBy: 'administration', version: 2 })
  })

  it('leave alone what administration registered', async () => {
    const { rows, ports, writes } = newResourceServerStore()
    await registerDeclared([declared], ports)
    await registerDeclared([], ports)
    const before = rows.get(audience)
    expect(await registerDeclared([], ports)).toEqual([])
    expect(rows.get(audience)).toBe(before)
    expect(writes).toHaveLength(2)
  })

  it('do not bring back what administration deletes meanwhile', async () => {
    const { rows, ports } = newResourceServerStore()
    await registerDeclared([declared], ports)
    await registerDeclared([], ports)
    const everyResourceServer = async function* () {
      yield* [...rows.values()]
      rows.clear()
    }
    expect(await registerDeclared([], { ...ports, everyResourceServer })).toEqual([])
    expect(rows.size).toBe(0)
  })

  it('are registered on the newest version, and given up when that changes all the time', async () => {
    const { rows, ports, state } = newResourceServerStore()
    await registerDeclared([declared], ports)
    const raise = () => {
      const current = rows.get(audience)
      if (current !== undefined) rows.set(audience, { ...current, version: current.version + 1 })
    }
    let races = 1
    state.beforeWrite = () => {
      if (races-- > 0) raise()
    }
    const changed = { ...declared, accessTokenLifetimeSeconds: 300 }
    expect(await registerDeclared([changed], ports)).toEqual([audience])
    expect(rows.get(audience)).toMatchObject({ version: 3, accessTokenLifetimeSeconds: 300 })
    races = 99
    await expect(registerDeclared([declared], ports)).rejects.toThrow(
      'a resource server is changed all the time',
    )
    expect(races).toBe(94)
  })
})
