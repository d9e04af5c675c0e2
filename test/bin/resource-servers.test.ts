import { describe, expect, it } from 'vitest'
import { countersign, issuer, json, type SeenRequest, serverOf } from './command-line.ts'

const answering = (respond: (request: SeenRequest) => Response | undefined) => ({
  handler: serverOf(issuer, respond),
})
const audience = 'https://stock.example.com'
const path = '/admin/resource-servers/aHR0cHM6Ly9zdG9jay5leGFtcGxlLmNvbQ'
const stock = {
  resource_server_id: 'aHR0cHM6Ly9zdG9jay5leGFtcGxlLmNvbQ',
  audience,
  scopes: [
    { scope: 'stock:read', description: 'Read the stock' },
    { scope: 'stock:write', description: '' },
  ],
  access_token_lifetime: 300,
  managed_by: 'administration',
  version: 2,
  created_at: 1_795_000_000,
  updated_at: 1_795_000_060,
}
const sent = ({ method, url, body }: SeenRequest) => [
  method,
  url.pathname,
  body === '' ? '' : JSON.parse(body),
]

describe('resource-servers create', () => {
  const create = ['resource-servers', 'create', '--audience', audience]

  it('registers an audience with its scopes, of which the first "=" begins the description', async () => {
    const flags = ['--allow', 'stock:read=Read a = b', '--allow', 'stock:write', '--lifetime', '5m']
    const { code, out, requests } = await countersign(
      [...create, ...flags],
      answering(() => json(201, stock)),
    )
    expect(code).toBe(0)
    expect(requests.map(sent)).toEqual([
      [
        'POST',
        '/admin/resource-servers',
        {
          audience,
          scopes: [
            { scope: 'stock:read', description: 'Read a = b' },
            { scope: 'stock:write', description: '' },
          ],
          access_token_lifetime: 300,
        },
      ],
    ])
    expect(out).toBe(
      [
        `audience        ${audience}`,
        'token lifetime  300 s',
        'managed by      administration',
        'created         2026-11-18 11:06:40 UTC',
        'updated         2026-11-18 11:07:40 UTC (version 2)',
        '',
        'SCOPE        DESCRIPTION',
        'stock:read   Read the stock',
        'stock:write',
        '',
      ].join('\n'),
    )
  })

  it.each([
    [create, '"countersign resource-servers create" needs --allow'],
    [
      ['resource-servers', 'create', '--allow', 'a'],
      '"countersign resource-servers create" needs --audience',
    ],
    [[...create, '--allow', 'a b'], '"a b" is not a scope'],
    [[...create, '--allow', '=b'], '"=b" is not a scope'],
    [[...create, '--allow', 'a', '--allow', 'a=b'], 'the scope a is given twice'],
    [
      [...create, '--scope', 'a', '--allow', 'a'],
      '"countersign resource-servers create" has no flag --scope',
    ],
    [['resource-servers', 'create', '--audience', 'stock', '--allow', 'a'], '"stock" is not an absolute URI'],
    [['resource-servers', 'show', '..'], '".." is not an absolute URI'],
    [
      ['resource-servers', 'update', audience],
      '"countersign resource-servers update" needs --allow or --lifetime',
    ],
    [['resource-servers', 'udpate', audience], 'there is no command "resource-servers udpate"'],
    [['resource-server', 'list'], 'there is no command "resource-server"'],
  ])('%j sends nothing', async (args, message) => {
    const { code, err, requests } = await countersign(args)
    expect([code, err.split('\n')[0], requests]).toEqual([2, `countersign: ${message}`, []])
  })

  it.each([
    [
      409,
      'conflict',
      'a resource server of this audience is registered already',
      'See "countersign resource-servers show <audience>".',
    ],
    [400, 'invalid_resource_server', 'audience must be an absolute URI', 'Correct it and try again.'],
  ])('says why the server refuses it: %i %s', async (status, error, description, remedy) => {
    const answer = answering(() => json(status, { error, error_description: description }))
    const { code, out, err } = await countersign([...create, '--allow', 'a', '--json'], answer)
    const message = status === 400 ? `refused: ${description}` : description
    expect([code, JSON.parse(out)]).toEqual([1, { error, error_description: message }])
    expect(err).toBe(`countersign: ${message}\n${remedy}\n`)
  })
})

describe('resource-servers list and show', () => {
  it('list reads every page and aligns a table', async () => {
    const declared = {
      ...stock,
      audience: 'https://a.example',
      managed_by: 'deployment',
      access_token_lifetime: undefined,
    }
    const answer = answering(({ url }) =>
      url.searchParams.has('next_token')
        ? json(200, { resource_servers: [declared] })
        : json(200, { resource_servers: [stock], next_token: 'next' }),
    )
    const { out, requests } = await countersign(['resource-servers', 'list'], answer)
    expect(requests.map(({ url }) => url.search)).toEqual(['?limit=100', '?limit=100&next_token=next'])
    expect(out).toBe(
      [
        'AUDIENCE                   SCOPES       TOKEN LIFETIME         MANAGED BY      UPDATED',
        `${audience}  stock:read   300 s                  administration  2026-11-18 11:07:40 UTC`,
        '                           stock:write',
        'https://a.example          stock:read   as the server decides  the CDK app     2026-11-18 11:07:40 UTC',
        '                           stock:write',
        '',
      ].join('\n'),
    )
    const program = await countersign(['resource-servers', 'list', '--json'], answer)
    expect(JSON.parse(program.out)).toEqual({
      resource_servers: [stock, JSON.parse(JSON.stringify(declared))],
    })
  })

  it('show names it in the path by its audience in base64url, and exits with 3 when there is none', async () => {
    const shown = await countersign(
      ['resource-servers', 'show', audience, '--json'],
      answering(() => json(200, stock)),
    )
    expect([shown.requests.map(sent), JSON.parse(shown.out)]).toEqual([[['GET', path, '']], stock])
    const missing = await countersign(
      ['resource-servers', 'show', audience],
      answering(() =>
        json(404, { error: 'not_found', error_description: 'there is no such resource server' }),
      ),
    )
    expect([missing.code, missing.err]).toEqual([
      3,
      'countersign: not found: there is no such resource server\nSee "countersign resource-servers list".\n',
    ])
  })

  it('gives a description no power over the terminal', async () => {
    const scopes = [{ scope: 'a', description: '\u001b[2Jx' }]
    const { out } = await countersign(
      ['resource-servers', 'show', audience],
      answering(() => json(200, { ...stock, scopes })),
    )
    expect(out).toContain('a      \ufffd[2Jx\n')
  })
})

describe('resource-servers update', () => {
  const update = ['resource-servers', 'update', audience]
  const replaced = ({ method, body }: SeenRequest) =>
    json(200, method === 'PUT' ? { ...stock, ...JSON.parse(body) } : stock)

  it('replaces the scopes on the version it read; one that stays keeps its description', async () => {
    const flags = ['--allow', 'stock:read', '--allow', 'stock:write=Write', '--allow', 'stock:count']
    const { code, requests } = await countersign([...update, ...flags], answering(replaced))
    expect(code).toBe(0)
    expect(requests.map(sent)).toEqual([
      ['GET', path, ''],
      [
        'PUT',
        path,
        {
          scopes: [
            { scope: 'stock:read', description: 'Read the stock' },
            { scope: 'stock:write', description: 'Write' },
            { scope: 'stock:count', description: '' },
          ],
          access_token_lifetime: 300,
          version: 2,
        },
      ],
    ])
  })

  it('empties a description, and keeps the scopes when only the lifetime is named', async () => {
    const emptied = await countersign([...update, '--allow', 'stock:read='], answering(replaced))
    expect(sent(emptied.requests[1] as SeenRequest)[2].scopes).toEqual([
      { scope: 'stock:read', description: '' },
    ])
    const lifetime = await countersign([...update, '--lifetime', 'default'], answering(replaced))
    expect(sent(lifetime.requests[1] as SeenRequest)[2]).toEqual({ scopes: stock.scopes, version: 2 })
  })

  it.each([
    ['something else', { access_token_lifetime: 600 }, 0, ['GET', 'PUT', 'GET', 'PUT']],
    ['the same', { scopes: [] }, 1, ['GET', 'PUT', 'GET']],
  ])('after a conflict in which %s was changed', async (_what, change, exitCode, methods) => {
    let reads = 0
    let isLate = true
    const { code, requests } = await countersign(
      [...update, '--allow', 'stock:read'],
      answering(request => {
        if (request.method === 'GET')
          return json(200, { ...stock, ...(reads++ > 0 ? change : {}), version: reads })
        if (!isLate) return replaced(request)
        isLate = false
        return json(409, { error: 'conflict' })
      }),
    )
    expect([code, requests.map(({ method }) => method)]).toEqual([exitCode, methods])
  })

  it('repeats nothing that is refused for another reason than its version', async () => {
    const description = 'the resource server is declared in the CDK app: change it there and deploy'
    const { code, err, requests } = await countersign(
      [...update, '--lifetime', '10m'],
      answering(({ method }) =>
        method === 'GET'
          ? json(200, stock)
          : json(409, { error: 'conflict', error_description: description }),
      ),
    )
    expect([code, requests.map(({ method }) => method)]).toEqual([1, ['GET', 'PUT', 'GET']])
    expect(err.split('\n')[0]).toBe(`countersign: ${description}`)
  })

  it('names the clients that a scope would be taken from', async () => {
    const description = 'a scope that would go is granted to c_1: change their grants first'
    const { code, err, requests } = await countersign(
      [...update, '--allow', 'stock:read'],
      answering(({ method }) =>
        method === 'GET' ? json(200, stock) : json(409, { error: 'in_use', error_description: description }),
      ),
    )
    expect([code, requests.length]).toEqual([1, 2])
    expect(err).toMatch(
      new RegExp(`^countersign: ${description}\nSee "countersign clients show <client_id>"`),
    )
  })
})

describe('resource-servers delete', () => {
  it('asks nobody in a script', async () => {
    const { code, out, err, requests } = await countersign(
      ['resource-servers', 'delete', audience, '--json'],
      answering(() => new Response(null, { status: 204 })),
    )
    expect([code, JSON.parse(out), err]).toEqual([0, { audience, deleted: true }, ''])
    expect(requests.map(sent)).toEqual([['DELETE', path, '']])
  })

  it.each([
    ['y', [], ['GET', 'DELETE'], 0],
    ['', [], ['GET'], 1],
    ['', ['--yes'], ['DELETE'], 0],
  ])('on a terminal, answered %j with %j, sends %j', async (answer, more, methods, exitCode) => {
    const { code, requests } = await countersign(['resource-servers', 'delete', audience, ...more], {
      ...answering(({ method }) =>
        method === 'GET' ? json(200, stock) : new Response(null, { status: 204 }),
      ),
      terminal: true,
      answer,
    })
    expect([code, requests.map(({ method }) => method)]).toEqual([exitCode, methods])
  })
})
