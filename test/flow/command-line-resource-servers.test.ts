import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { type Json, orders, payments, type RegisteredClient, useLocalStack } from './local-stack.ts'
import { countersign } from './run-countersign.ts'

const stack = useLocalStack()
const environment = () => ({ COUNTERSIGN_DATA_DIR: stack().dataDir })
const folder = mkdtempSync(join(tmpdir(), 'countersign-resource-servers-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command that prints one JSON document. */
async function json(args: readonly string[], stdin = '') {
  const { code, out, err } = await countersign([...args, '--json'], { env: environment(), stdin })
  return { code, document: JSON.parse(out) as Json, err }
}

const audience = 'https://stock.example.com'

describe('countersign resource-servers', () => {
  it('list shows those of the CDK app, which are changed there alone', async () => {
    const { code, document } = await json(['resource-servers', 'list'])
    const listed = document.resource_servers as Json[]
    expect([code, listed.map(server => [server.audience, server.managed_by])]).toEqual([
      0,
      [
        [orders, 'deployment'],
        [payments, 'deployment'],
      ],
    ])
    const because = 'the resource server is declared in the CDK app: change it there and deploy'
    for (const args of [
      ['delete', orders],
      ['update', orders, '--lifetime', '10m'],
    ]) {
      const refused = await json(['resource-servers', ...args])
      expect([refused.code, refused.document]).toEqual([1, { error: 'conflict', error_description: because }])
    }
  })

  it('registers one, grants its scopes, keeps what is granted, and deletes it in the end', async () => {
    const created = await json([
      ...['resource-servers', 'create', '--audience', audience, '--lifetime', '5m'],
      ...['--allow', 'stock:read=Read the stock', '--allow', 'stock:write'],
    ])
    expect([created.code, created.err]).toEqual([0, ''])
    expect(created.document).toMatchObject({
      audience,
      scopes: [
        { scope: 'stock:read', description: 'Read the stock' },
        { scope: 'stock:write', description: '' },
      ],
      access_token_lifetime: 300,
      managed_by: 'administration',
      version: 1,
    })
    const again = await json(['resource-servers', 'create', '--audience', audience, '--allow', 'a'])
    expect([again.code, again.document.error]).toEqual([1, 'conflict'])

    const create = ['clients', 'create', '--name', 'stocktaker', '--grant']
    const client = await json([...create, `${audience}=stock:read`])
    const { client_id: id, client_secret: secret } = client.document as unknown as RegisteredClient
    const get = () => json(['tokens', 'get', id, '--secret-file', '-'], secret)
    expect((await get()).document).toMatchObject({ expires_in: 300, scope: 'stock:read' })
    const unknown = await json([...create, `${audience}=stock:count`])
    expect([unknown.code, unknown.document.error]).toEqual([1, 'invalid_client_metadata'])

    const inUse = await json(['resource-servers', 'update', audience, '--allow', 'stock:write'])
    expect([inUse.code, inUse.document]).toEqual([
      1,
      {
        error: 'in_use',
        error_description: `a scope that would go is granted to ${id}: change their grants first`,
      },
    ])
    const flags = ['--allow', 'stock:read', '--allow', 'stock:count=Count it', '--lifetime', 'default']
    const updated = await json(['resource-servers', 'update', audience, ...flags])
    expect(updated.document).toMatchObject({
      scopes: [
        { scope: 'stock:read', description: 'Read the stock' },
        { scope: 'stock:count', description: 'Count it' },
      ],
      version: 2,
    })
    expect(updated.document).not.toHaveProperty('access_token_lifetime')
    expect((await json(['clients', 'update', id, '--grant', `${audience}=stock:count`])).code).toBe(0)
    expect((await get()).document.scope).toBe('stock:count')

    const granted = await json(['resource-servers', 'delete', audience])
    expect([granted.code, granted.document.error]).toEqual([1, 'in_use'])
    expect((await json(['clients', 'delete', id])).code).toBe(0)
    expect(await json(['resource-servers', 'delete', audience])).toEqual({
      code: 0,
      document: { audience, deleted: true },
      err: '',
    })
    const gone = await json(['resource-servers', 'show', audience])
    expect([gone.code, gone.document]).toEqual([
      3,
      { error: 'not_found', error_description: 'not found: there is no such resource server' },
    ])
  })

  it('shows what the server does not accept, with its code', async () => {
    const args = ['resource-servers', 'create', '--allow', 'a', '--audience', 'https://STOCK.example.com']
    const refused = await json(args)
    expect([refused.code, refused.document.error]).toEqual([1, 'invalid_resource_server'])
    expect(refused.err).toContain('audience must be an absolute URI without a fragment (RFC 8707 §2)')
  })
})

describe('countersign tokens introspect', () => {
  const file = join(folder, 'orders.jwk')

  it('describes a token to its resource server and to its client, and to nobody else (RFC 7662 §2.2)', async () => {
    const create = [
      'clients',
      'create',
      '--name',
      'orders',
      '--resource-server',
      orders,
      '--generate-key',
      file,
    ]
    const server = await json(create)
    expect([server.code, server.document]).toMatchObject([0, { grants: [], resource_server: orders }])
    const [client, other] = [await stack().register(), await stack().register()]
    const token = await stack().token(client)

    const introspect = ['tokens', 'introspect', '-', '--client']
    const byKey = [...introspect, String(server.document.client_id), '--key-file', file]
    const active = { ...decodeJwt(token), active: true, token_type: 'Bearer' }
    expect(await json(byKey, token)).toEqual({ code: 0, document: active, err: '' })

    const withSecret = async ({ client_id, client_secret }: RegisteredClient) => {
      const args = ['tokens', 'introspect', token, '--client', client_id, '--secret-file', '-']
      return (await json(args, client_secret)).document
    }
    expect(await withSecret(client)).toEqual(active)
    expect(await withSecret(other)).toEqual({ active: false })
    expect((await json(byKey, 'garbage')).document).toEqual({ active: false })

    // No waiting: the answer is strongly consistent.
    expect((await json(['tokens', 'revoke', '-'], token)).code).toBe(0)
    expect(await json(byKey, token)).toEqual({ code: 0, document: { active: false }, err: '' })
    const people = await countersign(byKey, { env: environment(), stdin: token })
    expect(people.out).toMatch(/^active {2}no: expired, revoked/)
  })

  it('exits with 5 for a client that is not who it says', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    const args = ['tokens', 'introspect', token, '--client', client.client_id]
    const bySecret = await json([...args, '--secret-file', '-'], 'ctsn_wrong')
    expect([bySecret.code, bySecret.document.error]).toEqual([5, 'invalid_client'])
    const byKey = await json([...args, '--key-file', file])
    expect([byKey.code, byKey.document.error]).toEqual([5, 'invalid_client'])
  })
})
