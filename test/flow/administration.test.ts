import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { storeClient } from '../lambda/support/local-store.ts'
import { type Json, orders, payments, useLocalStack } from './local-stack.ts'
import { canary, refusedMetadata } from './refused-metadata.ts'
import { sendSigned } from './signed-request.ts'
import { untilRefused } from './until-refused.ts'

const stack = useLocalStack()
const metadata = { client_name: 'billing', grants: [{ resource: orders, scope: 'orders:read orders:write' }] }

function replacement(version: number, changes: Json = {}): Json {
  return { ...metadata, token_endpoint_auth_method: 'client_secret_basic', version, ...changes }
}

/** The events of administration so far, oldest first. */
async function administrationEvents(): Promise<Json[]> {
  const lines = await stack().logLines()
  return lines.filter(({ audit, service }) => audit !== undefined && service === 'admin')
}

async function eventsOf(clientId: string): Promise<Json[]> {
  return (await administrationEvents()).filter(event => event.clientId === clientId)
}

describe('a registration (RFC 7591 §3.2)', () => {
  it('answers with the whole client and, this once, its secret (RFC 7591 §3.2.1)', async () => {
    const { status, headers, body } = await sendSigned(stack(), 'POST', '/clients', {
      body: JSON.stringify(metadata),
    })
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      201,
      'application/json',
      'no-store',
    ])
    const issuedAt = body.client_id_issued_at
    expect(body).toEqual({
      ...metadata,
      client_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      client_secret: expect.stringMatching(/^ctsn_[\w-]{49}$/),
      client_secret_expires_at: 0,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      status: 'active',
      version: 1,
      client_id_issued_at: expect.any(Number),
      updated_at: issuedAt,
      secrets: [{ secret_id: expect.stringMatching(/^[0-9a-f]{16}$/), created_at: issuedAt, expires_at: 0 }],
    })
    const { client_secret: _, client_secret_expires_at: __, ...shown } = body
    expect(await stack().admin('GET', `/clients/${body.client_id}`)).toEqual({ status: 200, body: shown })
  })

  it.each(refusedMetadata(metadata))(
    'with %s is refused, in words of our own (RFC 7591 §3.2.2)',
    async (_title, body, description) => {
      const answer = await sendSigned(stack(), 'POST', '/clients', { body })
      expect(answer.status).toBe(400)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(answer.body).toEqual({
        error: 'invalid_client_metadata',
        error_description: typeof description === 'string' ? description : expect.stringMatching(description),
      })
      expect(JSON.stringify(answer.body)).not.toContain(canary)
    },
  )

  it.each([
    ['that is not JSON', `{${canary}`, 'the request body is not JSON'],
    ['beyond 256 KiB', JSON.stringify(canary.padEnd(262_145, 'x')), 'the request body is too large'],
  ])('with a body %s is refused as invalid_request', async (_title, body, error_description) => {
    const answer = await sendSigned(stack(), 'POST', '/clients', { body })
    expect([answer.status, answer.body]).toEqual([400, { error: 'invalid_request', error_description }])
  })

  it('that is refused leaves an audit event with its reason, and none of its input', async () => {
    await sendSigned(stack(), 'POST', '/clients', {
      body: JSON.stringify({ ...metadata, client_name: [canary] }),
    })
    const last = (await administrationEvents()).at(-1)
    expect(last).toMatchObject({
      audit: 'client.create',
      outcome: 'refused',
      reason: 'invalid_client_metadata',
      actor: stack().actor,
      sourceIp: '127.0.0.1',
    })
    expect(JSON.stringify(await stack().logLines())).not.toContain(canary)
  })

  it.each([60, 3600])('may set a lifetime of %i s', async access_token_lifetime => {
    const client = await stack().register({ access_token_lifetime })
    expect(client).toMatchObject({ access_token_lifetime })
    expect(await (await stack().requestToken(client)).json()).toMatchObject({
      expires_in: access_token_lifetime,
    })
  })
})

describe('an update (RFC 7592 §2.2)', () => {
  it('replaces the metadata and raises the version; a member that is absent goes back to its default', async () => {
    const client = await stack().register({ access_token_lifetime: 60 })
    const grants = [{ resource: payments, scope: 'payments:read' }]
    const path = `/clients/${client.client_id}`
    const first = await stack().admin('PUT', path, replacement(1, { client_name: 'renamed', grants }))
    expect(first).toMatchObject({ status: 200, body: { client_name: 'renamed', grants, version: 2 } })
    expect(first.body).not.toHaveProperty('access_token_lifetime')
    const shown = await stack().admin('GET', path)
    expect(shown).toEqual(first)
    const claims = (await (await stack().requestToken(client)).json()) as Json
    expect(claims).toMatchObject({
      expires_in: stack().accessTokenLifetimeSeconds,
      scope: 'payments:read',
    })
  })

  it('on another version than the current one is refused and changes nothing', async () => {
    const { client_id: id } = await stack().register()
    const path = `/clients/${id}`
    expect((await stack().admin('PUT', path, replacement(1, { client_name: 'second' }))).status).toBe(200)
    for (const version of [1, 3, 0, -1]) {
      expect(await stack().admin('PUT', path, replacement(version, { client_name: 'third' }))).toEqual({
        status: 409,
        body: {
          error: 'conflict',
          error_description:
            'the client was changed meanwhile: read it again and repeat the change on its current version',
        },
      })
    }
    expect((await stack().admin('GET', path)).body).toMatchObject({ client_name: 'second', version: 2 })
  })

  it('wins against every other on the same version, once', async () => {
    const { client_id: id } = await stack().register()
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const answers = await Promise.all(
      names.map(name => stack().admin('PUT', `/clients/${id}`, replacement(1, { client_name: name }))),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409])
    const winner = names[answers.findIndex(({ status }) => status === 200)]
    expect((await stack().admin('GET', `/clients/${id}`)).body).toMatchObject({
      client_name: winner,
      version: 2,
    })
  })

  it.each([
    ['without its version', replacement(1, { version: undefined }), /^version is required$/],
    ['with a version as text', replacement(1, { version: '1' }), /^version is required/],
    ['of the status', replacement(1, { status: 'disabled' }), /^an update must be an object of version/],
    ['of the secrets', replacement(1, { secrets: [] }), /^an update must be an object of version/],
    [
      'to no grant',
      replacement(1, { grants: [] }),
      /^grants must have at least one entry; only a client with resource_server may have none$/,
    ],
  ])('%s is refused (RFC 7591 §3.2.2)', async (_title, body, description) => {
    const { client_id: id } = await stack().register()
    expect(await stack().admin('PUT', `/clients/${id}`, body)).toEqual({
      status: 400,
      body: { error: 'invalid_client_metadata', error_description: expect.stringMatching(description) },
    })
    expect((await stack().admin('GET', `/clients/${id}`)).body).toMatchObject({ version: 1 })
  })
})

describe('the list of clients', () => {
  it('comes in pages that hold every client once', async () => {
    const registered = await Promise.all(Array.from({ length: 7 }, () => stack().register()))
    const seen: string[] = []
    let pages = 0
    let next: unknown
    do {
      const query: string = next === undefined ? '' : `&next_token=${next}`
      const { status, body } = await stack().admin('GET', `/clients?limit=3${query}`)
      expect(status).toBe(200)
      const clients = body.clients as Json[]
      expect(clients.length).toBeLessThanOrEqual(3)
      expect(JSON.stringify(clients)).not.toContain('client_secret"')
      seen.push(...clients.map(client => String(client.client_id)))
      next = body.next_token
      pages++
    } while (next !== undefined)
    expect(pages).toBeGreaterThanOrEqual(3)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(expect.arrayContaining(registered.map(client => client.client_id)))
  })

  it.each(['0', '101', '-1', '1.5', 'ten', ''])('has no page of "%s" clients', async limit => {
    expect(await stack().admin('GET', `/clients?limit=${limit}`)).toEqual({
      status: 400,
      body: { error: 'invalid_request', error_description: 'limit must be a whole number from 1 to 100' },
    })
  })

  it('has no page after what is no client', async () => {
    expect(await stack().admin('GET', '/clients?next_token=a%23b')).toEqual({
      status: 400,
      body: {
        error: 'invalid_request',
        error_description: 'next_token must be the one that the previous page gave',
      },
    })
  })
})

describe('a change that is repeated', () => {
  it('of disabling and enabling changes nothing the second time', async () => {
    const client = await stack().register()
    const path = `/clients/${client.client_id}`
    const enabledBefore = await stack().admin('POST', `${path}/enable`)
    expect(enabledBefore).toMatchObject({ status: 200, body: { status: 'active', version: 1 } })
    const disabled = await stack().admin('POST', `${path}/disable`)
    expect(disabled).toMatchObject({ status: 200, body: { status: 'disabled', version: 2 } })
    expect(await stack().admin('POST', `${path}/disable`)).toEqual(disabled)
    expect((await stack().requestToken(client)).status).toBe(401)
    const enabled = await stack().admin('POST', `${path}/enable`)
    expect(enabled).toMatchObject({ status: 200, body: { status: 'active', version: 3 } })
    expect(await stack().admin('POST', `${path}/enable`)).toEqual(enabled)
    expect((await stack().requestToken(client)).status).toBe(200)
  })

  it('of revoking every token only moves the moment on', async () => {
    const { client_id: id } = await stack().register()
    const first = await stack().admin('POST', `/clients/${id}/revoke-tokens`)
    const second = await stack().admin('POST', `/clients/${id}/revoke-tokens`)
    expect(first).toEqual({ status: 200, body: { client_id: id, revoked_up_to: expect.any(Number) } })
    expect(Number(second.body.revoked_up_to)).toBeGreaterThan(Number(first.body.revoked_up_to))
  })

  it('of revoking a token answers the same', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    const first = await stack().admin('POST', '/tokens/revoke', { token })
    expect(first).toEqual({
      status: 200,
      body: {
        jti: expect.stringMatching(/^[\w-]{22}$/),
        client_id: client.client_id,
        exp: expect.any(Number),
      },
    })
    expect(await stack().admin('POST', '/tokens/revoke', { token })).toEqual(first)
    expect(await stack().admin('POST', '/tokens/revoke', { token: `${token}x` })).toEqual({
      status: 400,
      body: {
        error: 'invalid_token',
        error_description: 'the token is not a valid access token of this server, or has expired',
      },
    })
  })

  it('of removing a secret finds it gone', async () => {
    const client = await stack().register()
    const path = `/clients/${client.client_id}/secrets/${client.secrets[0]?.secret_id}`
    expect(await stack().admin('DELETE', path)).toEqual({ status: 204, body: {} })
    expect(await stack().admin('DELETE', path)).toEqual({
      status: 404,
      body: { error: 'not_found', error_description: 'the client has no such secret' },
    })
    expect((await stack().requestToken(client)).status).toBe(401)
  })
})

describe('a client that is deleted', () => {
  it('is gone from every answer, gets no token and stays a tombstone, and its tokens are refused', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    const url = stack().url('orders', '/orders')
    expect(await stack().call('GET', url, token)).toBe(200)
    const path = `/clients/${client.client_id}`
    expect(await stack().admin('DELETE', path)).toEqual({ status: 204, body: {} })
    // Repeating completes a deletion that was cut off.
    expect(await stack().admin('DELETE', path)).toEqual({ status: 204, body: {} })

    const refused = await stack().requestToken(client)
    expect([refused.status, await refused.json()]).toEqual([
      401,
      { error: 'invalid_client', error_description: 'client authentication failed' },
    ])
    const gone = { status: 404, body: { error: 'not_found', error_description: 'there is no such client' } }
    expect(await stack().admin('GET', path)).toEqual(gone)
    expect(await stack().admin('PUT', path, replacement(2))).toEqual(gone)
    for (const action of ['disable', 'enable', 'revoke-tokens', 'secrets'])
      expect(await stack().admin('POST', `${path}/${action}`)).toEqual(gone)
    const listed = (await stack().admin('GET', '/clients?limit=100')).body.clients as Json[]
    expect(listed.map(({ client_id }) => client_id)).not.toContain(client.client_id)

    const { aws, tables } = stack().endpoints
    const { Item } = await storeClient(aws.dynamodb).send(
      new GetItemCommand({ TableName: tables.Clients, Key: { client_id: { S: client.client_id } } }),
    )
    expect(Item).toMatchObject({ status: { S: 'deleted' }, secrets: { L: [] }, secret_digests: { M: {} } })
    expect(await untilRefused(stack(), url, token)).toBe(401)
  })

  it('cannot be told from one that never was, but by repeating the deletion', async () => {
    expect(await stack().admin('DELETE', '/clients/nobody')).toEqual({
      status: 404,
      body: { error: 'not_found', error_description: 'there is no such client' },
    })
  })
})

describe('the audit trail', () => {
  it('has one event a call, with the actor and the client, and never a secret or a token', async () => {
    const client = await stack().register()
    const id = client.client_id
    const path = `/clients/${id}`
    const token = await stack().token(client)
    const added = await stack().admin('POST', `${path}/secrets`, { overlap_seconds: 60 })
    await stack().admin('POST', `${path}/secrets`)
    const secretId = client.secrets[0]?.secret_id
    await stack().admin('DELETE', `${path}/secrets/${secretId}`)
    await stack().admin('GET', path)
    await stack().admin('PUT', path, replacement(1))
    await stack().admin('PUT', path, replacement(3))
    await stack().admin('POST', '/tokens/revoke', { token })
    for (const action of ['revoke-tokens', 'disable', 'enable'])
      await stack().admin('POST', `${path}/${action}`)
    await stack().admin('DELETE', path)

    const events = await eventsOf(id)
    expect(events.map(({ audit, outcome, reason }) => [audit, outcome, reason])).toEqual([
      ['client.create', 'allowed', 'ok'],
      ['secret.add', 'allowed', 'ok'],
      ['secret.add', 'refused', 'too_many_secrets'],
      ['secret.remove', 'allowed', 'ok'],
      ['client.show', 'allowed', 'ok'],
      ['client.update', 'refused', 'conflict'],
      ['client.update', 'allowed', 'ok'],
      ['token.revoke', 'allowed', 'ok'],
      ['client.revoke-tokens', 'allowed', 'ok'],
      ['client.disable', 'allowed', 'ok'],
      ['client.enable', 'allowed', 'ok'],
      ['client.delete', 'allowed', 'ok'],
    ])
    for (const event of events)
      expect(event).toMatchObject({
        actor: stack().actor,
        sourceIp: '127.0.0.1',
        requestId: expect.stringMatching(/.+/),
      })
    expect(new Set(events.map(event => event.requestId)).size).toBe(events.length)
    const removed = events.find(event => event.audit === 'secret.remove')
    expect(removed).toMatchObject({ subject: secretId })
    const everything = JSON.stringify(await stack().logLines())
    for (const secret of [client.client_secret, String(added.body.client_secret), token])
      expect(everything).not.toContain(secret)
  })

  it('names no client that does not exist: what is in a path may be anything', async () => {
    const { client_secret: secret } = await stack().register()
    expect((await stack().admin('GET', `/clients/${secret}`)).status).toBe(404)
    const last = (await administrationEvents()).at(-1)
    expect(last).toMatchObject({
      audit: 'client.show',
      outcome: 'refused',
      reason: 'not_found',
      actor: stack().actor,
    })
    expect(last).not.toHaveProperty('clientId')
    expect(JSON.stringify(await stack().logLines())).not.toContain(secret)
  })
})
