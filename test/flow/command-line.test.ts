import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Json, orders, payments, type RegisteredClient, useLocalStack } from './local-stack.ts'
import { countersign, launchCountersign } from './run-countersign.ts'
import { untilRefused } from './until-refused.ts'

const stack = useLocalStack()
const environment = () => ({ COUNTERSIGN_DATA_DIR: stack().dataDir })
const grant = `${orders}=orders:read orders:write`
const shownOnce = 'The secret is shown this once: keep it now.\n'
const moment = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/.source

/** Runs a command that prints one JSON document. */
async function json(
  args: readonly string[],
  stdin?: string,
): Promise<{ code: number; document: Json; err: string }> {
  const { code, out, err } = await countersign([...args, '--json'], {
    env: environment(),
    ...(stdin && { stdin }),
  })
  return { code, document: JSON.parse(out), err }
}

/** Runs a command as people do, and gives what it prints. */
function text(args: readonly string[], stdin?: string) {
  return countersign(args, { env: environment(), ...(stdin && { stdin }) })
}

async function create(...more: string[]): Promise<RegisteredClient> {
  const { document } = await json(['clients', 'create', '--name', 'billing', '--grant', grant, ...more])
  return document as unknown as RegisteredClient
}

const notFound = (description: string) => ({
  code: 3,
  document: { error: 'not_found', error_description: `not found: ${description}` },
  err: `countersign: not found: ${description}\nSee "countersign clients list"; secret ids are in "countersign clients show <client_id>".\n`,
})

describe('the launcher', () => {
  const settings: [string, Record<string, string>][] = [
    ['no AWS settings', {}],
    [
      'misleading AWS settings',
      {
        AWS_PROFILE: 'nobody',
        AWS_REGION: 'eu-west-3',
        AWS_DEFAULT_REGION: 'eu-west-3',
        AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'wrong',
        AWS_SESSION_TOKEN: 'wrong',
        AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      },
    ],
  ]
  it.each(settings)(
    'registers a client and gets a token from the local server with %s',
    async (_title, aws) => {
      const env = { ...environment(), ...aws }
      const args = ['clients', 'create', '--name', 'billing', '--grant', grant, '--json']
      const created = await launchCountersign(args, { env })
      expect([created.code, created.err]).toEqual([0, shownOnce])
      const { client_id: id } = JSON.parse(created.out) as RegisteredClient
      // The document holds the secret, so what was printed is a secret file.
      const get = ['tokens', 'get', id, '--secret-file', '-', '--scope', 'orders:read']
      const got = await launchCountersign(get, { env, stdin: created.out })
      expect([got.code, got.err]).toEqual([0, ''])
      expect(await stack().call('GET', stack().url('orders', '/orders'), got.out.trim())).toBe(200)
    },
  )

  it('says with the exit code that there is no such client, and that there is no server', async () => {
    const missing = await launchCountersign(['clients', 'show', 'nobody'], { env: environment() })
    expect([missing.code, missing.out]).toEqual([3, ''])
    const nowhere = await launchCountersign(['clients', 'list'], {
      env: { COUNTERSIGN_DATA_DIR: '/nowhere' },
    })
    expect([nowhere.code, nowhere.out]).toEqual([4, ''])
  })
})

describe('countersign clients', () => {
  it('create registers what its flags say, and prints the secret this once (RFC 7591 §3.2.1)', async () => {
    const { code, document, err } = await json([
      ...['clients', 'create', '--name', 'billing', '--grant', grant, '--grant', `${payments}=payments:read`],
      ...['--auth-method', 'client_secret_post', '--lifetime', '10m'],
    ])
    expect([code, err]).toEqual([0, shownOnce])
    expect(document).toEqual({
      client_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      client_name: 'billing',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      grants: [
        { resource: orders, scope: 'orders:read orders:write' },
        { resource: payments, scope: 'payments:read' },
      ],
      access_token_lifetime: 600,
      status: 'active',
      version: 1,
      client_id_issued_at: expect.any(Number),
      updated_at: expect.any(Number),
      secrets: [{ secret_id: expect.any(String), created_at: expect.any(Number), expires_at: 0 }],
      client_secret: expect.stringMatching(/^ctsn_[\w-]{49}$/),
      client_secret_expires_at: 0,
    })
  })

  it('create and show print a table for people', async () => {
    const created = await text(['clients', 'create', '--name', 'billing', '--grant', grant])
    expect([created.code, created.err]).toEqual([0, shownOnce])
    const [, secret = ''] = /^client_secret {2}(\S+)\n/.exec(created.out) ?? []
    const [, id = ''] = /^client_id +([0-9a-f]{32})$/m.exec(created.out) ?? []
    expect(secret).toHaveLength(54)
    const shown = await text(['clients', 'show', id])
    expect([shown.code, shown.err]).toEqual([0, ''])
    const lines = [
      `client_id       ${id}`,
      'name            billing',
      'status          active',
      'auth method     client_secret_basic',
      `grants          ${grant}`,
      'token lifetime  as the server decides',
      `created         ${moment}`,
      `updated         ${moment} \\(version 1\\)`,
      '',
      'SECRET_ID         CREATED                  EXPIRES  LAST USED',
      `[0-9a-f]{16}  ${moment}  never    never`,
      '',
    ]
    expect(shown.out).toMatch(new RegExp(`^${lines.join('\n')}$`))
    const [details] = shown.out.split('\n\n')
    expect(created.out).toBe(`client_secret  ${secret}\n${details}\n`)
  })

  it('create says what the server does not accept, with its code (RFC 7591 §3.2.2)', async () => {
    const refused = await json(['clients', 'create', '--name', 'x', '--grant', grant, '--lifetime', '30'])
    expect([refused.code, refused.document.error]).toEqual([1, 'invalid_client_metadata'])
    expect(refused.err).toBe(
      'countersign: refused: access_token_lifetime must be whole seconds from 60 to 3600\nCorrect it and try again.\n',
    )
    const misspelt = await json(['clients', 'create', '--name', 'x', '--grant', 'orders'])
    expect([misspelt.code, misspelt.document.error]).toEqual([2, 'invalid_usage'])
  })

  it('list names every client, more than a page of the server holds', async () => {
    const registered = await Promise.all(Array.from({ length: 101 }, () => stack().register()))
    const { code, document, err } = await json(['clients', 'list'])
    expect([code, err]).toEqual([0, ''])
    const ids = (document.clients as Json[]).map(client => client.client_id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(expect.arrayContaining(registered.map(client => client.client_id)))
    const { out } = await text(['clients', 'list'])
    expect(out).toMatch(/^CLIENT_ID +NAME +STATUS +AUTH METHOD +GRANTS +CREATED\n/)
    expect(out.match(/^[0-9a-f]{32}(?= )/gm)).toEqual(ids)
  })

  it('update changes what is named, alone or together, and leaves the rest (RFC 7592 §2.2)', async () => {
    const { client_id: id } = await create('--lifetime', '600')
    const before = (await json(['clients', 'show', id])).document
    const same = { updated_at: expect.any(Number), secrets: before.secrets }
    const named = await json(['clients', 'update', id, '--name', 'other'])
    expect(named).toEqual({
      code: 0,
      err: '',
      document: { ...before, ...same, client_name: 'other', version: 2 },
    })
    const grants = [{ resource: payments, scope: 'payments:read' }]
    const granted = await json(['clients', 'update', id, '--grant', `${payments}=payments:read`])
    expect(granted.document).toEqual({ ...named.document, ...same, grants, version: 3 })
    const both = await json([
      'clients',
      'update',
      id,
      '--name',
      'third',
      '--grant',
      grant,
      '--lifetime',
      'default',
    ])
    const { access_token_lifetime: _, ...withoutLifetime } = before
    expect(both.document).toEqual({ ...withoutLifetime, ...same, client_name: 'third', version: 4 })
    const nothing = await json(['clients', 'update', id])
    expect([nothing.code, nothing.document.error]).toEqual([2, 'invalid_usage'])
    expect((await text(['clients', 'update', id, '--name', 'fourth'])).out).toMatch(/^name +fourth$/m)
  })

  it('update that narrows a grant narrows new tokens only (RFC 6749 §3.3)', async () => {
    const client = await create()
    const old = await stack().token(client)
    expect(
      (await json(['clients', 'update', client.client_id, '--grant', `${orders}=orders:read`])).code,
    ).toBe(0)
    const fresh = await stack().token(client)
    expect(decodeJwt(fresh).scope).toBe('orders:read')
    const url = stack().url('orders', '/orders')
    expect([await stack().call('POST', url, fresh), await stack().call('POST', url, old)]).toEqual([403, 200])
    const wide = await stack().requestToken(client, { scope: 'orders:write' })
    expect(await wide.json()).toMatchObject({ error: 'invalid_scope' })
  })

  it('disable and enable shut a client out and let it in again', async () => {
    const client = await create()
    const id = client.client_id
    const disabled = await json(['clients', 'disable', id])
    expect([disabled.code, disabled.document.status]).toEqual([0, 'disabled'])
    expect((await stack().requestToken(client)).status).toBe(401)
    expect(await text(['clients', 'enable', id])).toEqual({
      code: 0,
      out: `enabled ${id} (billing)\n`,
      err: '',
    })
    expect((await stack().requestToken(client)).status).toBe(200)
    expect((await text(['clients', 'disable', id])).out).toBe(`disabled ${id} (billing)\n`)
    expect((await json(['clients', 'enable', id])).document.status).toBe('active')
  })

  it('revoke-tokens refuses what was issued within the promised delay; new tokens work', async () => {
    const client = await create()
    const id = client.client_id
    const token = await stack().token(client)
    const { code, document, err } = await json(['clients', 'revoke-tokens', id])
    expect([code, err]).toEqual([0, ''])
    expect(document).toEqual({ client_id: id, revoked_up_to: expect.any(Number) })
    const url = stack().url('orders', '/orders')
    expect(await untilRefused(stack(), url, token)).toBe(401)
    expect(await stack().call('GET', url, await stack().token(client))).toBe(200)
    const { out } = await text(['clients', 'revoke-tokens', id])
    expect(out).toMatch(new RegExp(`^revoked every token of ${id} issued up to ${moment}\n$`))
  })

  it('delete removes a client for good: nothing finds it any more', async () => {
    const client = await create()
    const id = client.client_id
    const deleted = await json(['clients', 'delete', id])
    expect(deleted).toEqual({ code: 0, document: { client_id: id, deleted: true }, err: '' })
    const gone = notFound('there is no such client')
    expect(await json(['clients', 'show', id])).toEqual(gone)
    expect(await json(['clients', 'update', id, '--name', 'x'])).toEqual(gone)
    for (const command of ['disable', 'enable', 'revoke-tokens'])
      expect(await json(['clients', command, id])).toEqual(gone)
    expect(await json(['secrets', 'rotate', id])).toEqual(gone)
    expect(await json(['clients', 'delete', 'nobody'])).toEqual(gone)
    const other = await create()
    expect((await text(['clients', 'delete', other.client_id])).out).toBe(`deleted ${other.client_id}\n`)
  })
})

describe('countersign secrets', () => {
  it('rotate gives a second secret while the first works on; a third is refused, naming which to remove', async () => {
    const client = await create()
    const id = client.client_id
    const { code, document, err } = await json(['secrets', 'rotate', id])
    const added = String(document.client_secret)
    const [old, fresh] = document.secrets as RegisteredClient['secrets']
    const in24Hours = Date.now() / 1000 + 86_400
    expect(code).toBe(0)
    expect(Math.abs(Number(old?.expires_at) - in24Hours)).toBeLessThan(60)
    expect([old?.secret_id, fresh?.secret_id]).toEqual([client.secrets[0]?.secret_id, document.secret_id])
    expect(err).toMatch(new RegExp(`^${shownOnce}${old?.secret_id} works until ${moment}\\.\n$`))
    for (const client_secret of [client.client_secret, added])
      expect((await stack().requestToken({ ...client, client_secret })).status).toBe(200)

    const third = await json(['secrets', 'rotate', id])
    const description = `the client has two live secrets, ${old?.secret_id} and ${fresh?.secret_id}: remove one first, the older is ${old?.secret_id}`
    expect(third).toEqual({
      code: 1,
      document: { error: 'too_many_secrets', error_description: description },
      err: `countersign: ${description}\nWhen nothing uses the older one any more: countersign secrets remove ${id} ${old?.secret_id}\n`,
    })

    const removed = { client_id: id, secret_id: old?.secret_id, removed: true }
    expect(await json(['secrets', 'remove', id, String(old?.secret_id)])).toEqual({
      code: 0,
      document: removed,
      err: '',
    })
    expect((await stack().requestToken(client)).status).toBe(401)
    expect((await stack().requestToken({ ...client, client_secret: added })).status).toBe(200)
    expect(await json(['secrets', 'remove', id, String(old?.secret_id)])).toEqual(
      notFound('the client has no such secret'),
    )
    const shown = (await json(['clients', 'show', id])).document
    expect(shown.secrets).toMatchObject([{ secret_id: fresh?.secret_id, expires_at: 0 }])
  })

  it('rotate --overlap 0 ends the old secret at once', async () => {
    const client = await create()
    const { out } = await text(['secrets', 'rotate', client.client_id, '--overlap', '0'])
    const [, client_secret = ''] = /^client_secret {2}(\S+)$/m.exec(out) ?? []
    expect((await stack().requestToken(client)).status).toBe(401)
    expect((await stack().requestToken({ ...client, client_secret })).status).toBe(200)
    expect((await json(['secrets', 'rotate', client.client_id, '--overlap', '31d'])).code).toBe(2)
  })
})

describe('countersign tokens', () => {
  it('get prints the token alone, with --json the whole answer (RFC 6749 §5.1)', async () => {
    const client = await create()
    const get = [
      'tokens',
      'get',
      client.client_id,
      '--secret-file',
      '-',
      '--scope',
      'orders:read',
      '--resource',
      orders,
    ]
    const plain = await text(get, `${client.client_secret}\n`)
    expect([plain.code, plain.err]).toEqual([0, ''])
    expect(plain.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]{86}\n$/)
    expect((await json(get, client.client_secret)).document).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: stack().accessTokenLifetimeSeconds,
      scope: 'orders:read',
    })
  })

  it('get authenticates by the method that is named', async () => {
    const client = await create('--auth-method', 'client_secret_post')
    const get = ['tokens', 'get', client.client_id, '--secret-file', '-']
    expect((await text([...get, '--auth-method', 'client_secret_post'], client.client_secret)).code).toBe(0)
    const other = await json(get, client.client_secret)
    expect([other.code, other.document.error]).toEqual([5, 'invalid_client'])
    expect(other.err).toContain('--auth-method client_secret_post')
  })

  it('get says by its exit code whether the client or the request was refused (RFC 6749 §5.2)', async () => {
    const { client_id: id, client_secret: secret } = await create()
    const get = ['tokens', 'get', id, '--secret-file', '-']
    const wrong = await json(get, 'wrong')
    expect([wrong.code, wrong.document.error]).toEqual([5, 'invalid_client'])
    const scope = await json([...get, '--scope', 'admin'], secret)
    expect([scope.code, scope.document.error]).toEqual([1, 'invalid_scope'])
    const resource = await json([...get, '--resource', payments], secret)
    expect([resource.code, resource.document.error]).toEqual([1, 'invalid_target'])
  })

  it('inspect decodes a token and verifies it with the keys of the server (RFC 7515 §5.2)', async () => {
    const client = await create()
    const token = await stack().token(client)
    const { code, document } = await json(['tokens', 'inspect', '-'], token)
    expect(code).toBe(0)
    expect(document).toMatchObject({
      header: { alg: 'ES256', typ: 'at+jwt' },
      claims: { iss: stack().endpoints.issuer, aud: orders, client_id: client.client_id },
      expired: false,
      verification: { signature: 'valid', issuer: stack().endpoints.issuer, issuer_matches: true },
    })
    const { out } = await text(['tokens', 'inspect', token])
    expect(out).toMatch(/^signature +verified: signed by the published key /m)
    const [header, claims] = token.split('.')
    const forged = await json(['tokens', 'inspect', `${header}.${claims}.${'A'.repeat(86)}`])
    expect([forged.code, forged.document.verification]).toMatchObject([1, { signature: 'invalid' }])
    expect((await json(['tokens', 'inspect', 'garbage'])).code).toBe(2)
  })

  it('revoke shuts a token out within the promised delay, as administrator (RFC 7009 §2)', async () => {
    const client = await create()
    const [token, other] = [await stack().token(client), await stack().token(client)]
    const { jti, exp } = decodeJwt(token)
    const revoked = await json(['tokens', 'revoke', '-'], token)
    expect(revoked).toEqual({ code: 0, document: { jti, client_id: client.client_id, exp }, err: '' })
    const { out } = await text(['tokens', 'revoke', token])
    expect(out).toMatch(new RegExp(`^revoked ${jti} of ${client.client_id} \\(it expires ${moment}\\)\n$`))
    const url = stack().url('orders', '/orders')
    expect(await untilRefused(stack(), url, token)).toBe(401)
    expect(await stack().call('GET', url, other)).toBe(200)
    const garbage = await json(['tokens', 'revoke', 'garbage'])
    expect([garbage.code, garbage.document.error]).toEqual([1, 'invalid_token'])
  })
})
