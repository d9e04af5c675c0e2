import { describe, expect, it } from 'vitest'
import { client, countersign, issuer, json, type SeenRequest, serverOf } from './command-line.ts'

const answering = (respond: (request: SeenRequest) => Response | undefined) => ({
  handler: serverOf(issuer, respond),
})
const created = { ...client, client_secret: 'cs_secret', client_secret_expires_at: 0 }

describe('clients create', () => {
  const args = [
    'clients',
    'create',
    '--name',
    'billing',
    '--grant',
    'https://orders.example.com=orders:read  orders:write',
  ]

  it('registers with the metadata members of RFC 7591 §2 and signs for execute-api', async () => {
    const { code, requests } = await countersign(
      [
        ...args,
        '--grant=https://p.example.com=p:read',
        '--auth-method',
        'client_secret_post',
        '--lifetime',
        '10m',
      ],
      answering(() => json(201, created)),
    )
    expect(code).toBe(0)
    expect(requests).toHaveLength(1)
    const [request] = requests
    expect(`${request?.method} ${request?.url}`).toBe('POST http://127.0.0.1:4000/admin/clients')
    expect(request?.headers.get('content-type')).toBe('application/json')
    expect(request?.headers.get('authorization')).toMatch(
      /^AWS4-HMAC-SHA256 Credential=countersignlocal\/20261121\/us-east-1\/execute-api\/aws4_request, SignedHeaders=accept;content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
    )
    expect(JSON.parse(request?.body ?? '')).toEqual({
      client_name: 'billing',
      grants: [
        { resource: 'https://orders.example.com', scope: 'orders:read orders:write' },
        { resource: 'https://p.example.com', scope: 'p:read' },
      ],
      token_endpoint_auth_method: 'client_secret_post',
      access_token_lifetime: 600,
    })
  })

  it('leaves the defaults to the server', async () => {
    const { requests } = await countersign(
      args,
      answering(() => json(201, created)),
    )
    expect(Object.keys(JSON.parse(requests[0]?.body ?? ''))).toEqual(['client_name', 'grants'])
  })

  it('prints one JSON document and its note on stderr (RFC 7591 §3.2.1)', async () => {
    const { code, out, err } = await countersign(
      [...args, '--json'],
      answering(() => json(201, created)),
    )
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(created)
    expect(err).toBe('The secret is shown this once: keep it now.\n')
  })

  it('shows the secret to people, once', async () => {
    const { out } = await countersign(
      args,
      answering(() => json(201, created)),
    )
    expect(out.split('cs_secret')).toHaveLength(2)
    expect(out).toContain('client_id       c_1\n')
  })

  it('says what the server refused, with its code (RFC 7591 §3.2.2)', async () => {
    const { code, out, err } = await countersign(
      [...args, '--json'],
      answering(() => json(400, { error: 'invalid_client_metadata', error_description: 'name is too long' })),
    )
    expect(code).toBe(1)
    expect(JSON.parse(out)).toEqual({
      error: 'invalid_client_metadata',
      error_description: 'refused: name is too long',
    })
    expect(err).toBe('countersign: refused: name is too long\nCorrect it and try again.\n')
  })

  it('says where to see what is registered when a grant is not', async () => {
    const error_description = 'grants: the resource of entry 1 is not registered: register it first'
    const { code, err } = await countersign(
      args,
      answering(() => json(400, { error: 'invalid_client_metadata', error_description })),
    )
    expect([code, err]).toEqual([
      1,
      `countersign: refused: ${error_description}\n"countersign resource-servers list" shows what is registered; "create" and "update" add to it.\n`,
    ])
  })

  it.each([
    [
      'no name',
      ['clients', 'create', '--grant', 'https://a.example=b'],
      '"countersign clients create" needs --name',
    ],
    [
      'no grant',
      ['clients', 'create', '--name', 'n'],
      '"countersign clients create" needs --grant or --resource-server',
    ],
    [
      'a grant without scope',
      [...args, '--grant', 'https://a.example='],
      '"https://a.example=" is not a grant',
    ],
    ['a resource that is no URI', [...args, '--grant', 'orders=b'], '"orders" is not an absolute URI'],
    [
      'one resource in two grants',
      [...args, '--grant', 'https://orders.example.com=x'],
      'two grants name https://orders.example.com',
    ],
    ['an unknown method', [...args, '--auth-method', 'none'], '"none" is not an authentication method here'],
    ['a lifetime in words', [...args, '--lifetime', 'long'], '"long" is not a lifetime'],
  ])('sends nothing for %s', async (_what, wrong, message) => {
    const { code, err, requests } = await countersign(wrong)
    expect(code).toBe(2)
    expect(err.split('\n')[0]).toBe(`countersign: ${message}`)
    expect(requests).toEqual([])
  })
})

describe('clients list', () => {
  it('reads every page', async () => {
    const { code, out, requests } = await countersign(
      ['clients', 'list', '--json'],
      answering(({ url }) =>
        url.searchParams.has('next_token')
          ? json(200, { clients: [{ ...client, client_id: 'c_2' }] })
          : json(200, { clients: [client], next_token: 'a/b=' }),
      ),
    )
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({ clients: [client, { ...client, client_id: 'c_2' }] })
    expect(requests.map(({ url }) => url.search)).toEqual(['?limit=100', '?limit=100&next_token=a%2Fb%3D'])
  })

  it('stops at a server that repeats a page', async () => {
    const { code, requests } = await countersign(
      ['clients', 'list'],
      answering(() => json(200, { clients: [], next_token: 'again' })),
    )
    expect(code).toBe(1)
    expect(requests).toHaveLength(2)
  })

  it('aligns a table without colours in a pipe', async () => {
    const { out } = await countersign(
      ['clients', 'list'],
      answering(() =>
        json(200, {
          clients: [
            client,
            { ...client, client_id: 'c_22', client_name: '日本', status: 'disabled', grants: [] },
          ],
        }),
      ),
    )
    expect(out).toBe(
      [
        'CLIENT_ID  NAME     STATUS    AUTH METHOD          GRANTS                                               CREATED',
        'c_1        billing  active    client_secret_basic  https://orders.example.com=orders:read orders:write  2026-11-18 11:06:40 UTC',
        '                                                   https://payments.example.com=payments:read',
        'c_22       日本     disabled  client_secret_basic  -                                                    2026-11-18 11:06:40 UTC',
        '',
      ].join('\n'),
    )
  })

  it('prints nothing but a note when there is none', async () => {
    const run = await countersign(
      ['clients', 'list'],
      answering(() => json(200, { clients: [] })),
    )
    expect([run.code, run.out, run.err]).toEqual([0, '', 'No client is registered.\n'])
  })

  it.each([
    ['colours on a terminal', {}, true],
    ['no colours with NO_COLOR', { NO_COLOR: '1' }, false],
    ['no colours on a dumb terminal', { TERM: 'dumb' }, false],
  ])('shows %s', async (_what, env, coloured) => {
    const { out } = await countersign(['clients', 'list'], {
      ...answering(() => json(200, { clients: [client] })),
      env: { COUNTERSIGN_URL: issuer, ...env },
      terminal: true,
    })
    expect(out.includes('\u001b[32mactive\u001b[0m')).toBe(coloured)
  })

  it('gives a client name no power over the terminal, and keeps it in JSON', async () => {
    const client_name = 'a\u001b]0;owned\u0007\u009b2J\u202eb\nc'
    const answer = answering(() => json(200, { clients: [{ ...client, client_name }] }))
    const people = await countersign(['clients', 'list'], answer)
    expect(people.out).toContain('a\ufffd]0;owned\ufffd\ufffd2J\ufffdb\ufffdc')
    const program = await countersign(['clients', 'list', '--json'], answer)
    expect(program.out).toMatch(/^[\x20-\x7e\n]+$/)
    expect(JSON.parse(program.out).clients[0].client_name).toBe(client_name)
  })
})

describe('clients show', () => {
  it('shows the secrets by their ids', async () => {
    const { out, requests } = await countersign(
      ['clients', 'show', 'c_1'],
      answering(() => json(200, client)),
    )
    expect(requests[0]?.url.pathname).toBe('/admin/clients/c_1')
    expect(out).toContain('token lifetime  as the server decides\n')
    expect(out.split('\n\n')[1]).toBe(
      'SECRET_ID  CREATED                  EXPIRES  LAST USED\ns_1        2026-11-18 11:06:40 UTC  never    2026-11-20\n',
    )
  })

  it('says who manages a declared client, and where its secret is', async () => {
    const declared = { ...client, managed_by: 'deployment', secret_arn: 'arn:secret' }
    const { out } = await countersign(
      ['clients', 'show', 'c_1'],
      answering(() => json(200, declared)),
    )
    expect(out).toMatch(/^managed by +deployment$/m)
    expect(out).toMatch(/^secret kept in +arn:secret$/m)
  })

  it('exits with 3 when there is no such client', async () => {
    const { code, out, err } = await countersign(
      ['clients', 'show', 'c_9', '--json'],
      answering(() => json(404, { error: 'not_found', error_description: 'no such client' })),
    )
    expect(code).toBe(3)
    expect(JSON.parse(out)).toEqual({ error: 'not_found', error_description: 'not found: no such client' })
    expect(err).toMatch(/^countersign: not found: no such client\n.+\n$/)
  })

  it.each(['..', '.', 'a/b', 'a b', ''])(
    'sends nothing for the id %j, which would name another path',
    async id => {
      const { code, requests } = await countersign(['clients', 'delete', id])
      expect([code, requests]).toEqual([2, []])
    },
  )
})

describe('clients update', () => {
  const replaced = (request: SeenRequest) => json(200, { ...client, ...JSON.parse(request.body) })

  it('replaces the record it read, bound to its version (RFC 7592 §2.2)', async () => {
    const lifetime = { ...client, access_token_lifetime: 120 }
    const { code, requests } = await countersign(
      ['clients', 'update', 'c_1', '--name', 'invoices', '--grant', 'https://a.example.com=x'],
      answering(request => (request.method === 'PUT' ? replaced(request) : json(200, lifetime))),
    )
    expect(code).toBe(0)
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'PUT'])
    expect(JSON.parse(requests[1]?.body ?? '')).toEqual({
      client_name: 'invoices',
      grants: [{ resource: 'https://a.example.com', scope: 'x' }],
      token_endpoint_auth_method: 'client_secret_basic',
      access_token_lifetime: 120,
      version: 3,
    })
  })

  it('goes back to the lifetime that the server decides', async () => {
    const { requests } = await countersign(
      ['clients', 'update', 'c_1', '--lifetime', 'default'],
      answering(request =>
        request.method === 'PUT' ? replaced(request) : json(200, { ...client, access_token_lifetime: 120 }),
      ),
    )
    expect(JSON.parse(requests[1]?.body ?? '')).not.toHaveProperty('access_token_lifetime')
  })

  it('tries once more when somebody changed something else', async () => {
    let reads = 0
    const { code, requests } = await countersign(
      ['clients', 'update', 'c_1', '--name', 'invoices'],
      answering(request => {
        if (request.method === 'GET')
          return json(200, { ...client, version: ++reads, grants: reads === 1 ? client.grants : [] })
        return reads === 1 ? json(409, { error: 'conflict' }) : replaced(request)
      }),
    )
    expect(code).toBe(0)
    expect(JSON.parse(requests[3]?.body ?? '')).toMatchObject({
      client_name: 'invoices',
      grants: [],
      version: 2,
    })
  })

  it('leaves the choice to a person when the same member was changed', async () => {
    let reads = 0
    const { code, err, requests } = await countersign(
      ['clients', 'update', 'c_1', '--name', 'invoices'],
      answering(request =>
        request.method === 'GET'
          ? json(200, { ...client, client_name: `name ${++reads}` })
          : json(409, { error: 'conflict' }),
      ),
    )
    expect(code).toBe(1)
    expect(err).toMatch(
      /^countersign: the client was changed by somebody else meanwhile; nothing was updated\n/,
    )
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET'])
  })

  it('sends nothing when there is nothing to change', async () => {
    const { code, requests } = await countersign(['clients', 'update', 'c_1'])
    expect([code, requests]).toEqual([2, []])
  })
})

describe('clients disable, enable, delete, revoke-tokens', () => {
  it.each(['disable', 'enable'])('%s posts to the client and says so', async action => {
    const { code, out, requests } = await countersign(
      ['clients', action, 'c_1'],
      answering(() => json(200, client)),
    )
    expect([code, out]).toEqual([0, `${action}d c_1 (billing)\n`])
    expect(requests.map(({ method, url, body }) => [method, url.pathname, body])).toEqual([
      ['POST', `/admin/clients/c_1/${action}`, ''],
    ])
  })

  it('revoke-tokens says up to when', async () => {
    const { out } = await countersign(
      ['clients', 'revoke-tokens', 'c_1'],
      answering(() => json(200, { client_id: 'c_1', revoked_up_to: 1_795_000_000 })),
    )
    expect(out).toBe('revoked every token of c_1 issued up to 2026-11-18 11:06:40 UTC\n')
  })

  it('delete asks nobody in a script', async () => {
    const { code, out, err, requests } = await countersign(
      ['clients', 'delete', 'c_1', '--json'],
      answering(() => new Response(null, { status: 204 })),
    )
    expect([code, JSON.parse(out), err]).toEqual([0, { client_id: 'c_1', deleted: true }, ''])
    expect(requests.map(({ method }) => method)).toEqual(['DELETE'])
  })

  it.each([
    ['y', [], ['GET', 'DELETE'], 0],
    ['', [], ['GET'], 1],
    ['', ['--yes'], ['DELETE'], 0],
  ])('delete on a terminal, answered %j with %j, sends %j', async (answer, more, methods, exitCode) => {
    const { code, requests } = await countersign(['clients', 'delete', 'c_1', ...more], {
      ...answering(({ method }) =>
        method === 'GET' ? json(200, client) : new Response(null, { status: 204 }),
      ),
      terminal: true,
      answer,
    })
    expect(code).toBe(exitCode)
    expect(requests.map(({ method }) => method)).toEqual(methods)
  })
})
