import { describe, expect, it } from 'vitest'
import { type Json, orders, useLocalStack } from './local-stack.ts'
import { countersign, launchCountersign } from './run-countersign.ts'
import { type Fault, finding, runDoctor, withHeaders } from './run-doctor.ts'

const stack = useLocalStack()
const environment = () => ({ COUNTERSIGN_DATA_DIR: stack().dataDir })

const doctor = (args?: readonly string[], fault?: Fault, interrupt?: AbortSignal) =>
  runDoctor(environment(), {
    ...(args && { args }),
    ...(fault && { fault }),
    ...(interrupt && { interrupt }),
  })

const wellKnown = '/.well-known/oauth-authorization-server'
const atOrders = (path = '/orders') => ['--api', stack().url('orders', path), '--resource', orders]
const clientNames = async () =>
  ((await stack().admin('GET', '/clients?limit=100')).body.clients as Json[]).map(each => each.client_name)
const noneLeft = async () =>
  expect((await clientNames()).filter(name => String(name).startsWith('countersign doctor'))).toEqual([])

describe('countersign doctor', () => {
  it('finds nothing wrong with the local stack, measures the revocation delay and leaves no client', async () => {
    const { code, out, err } = await launchCountersign(['doctor', '--strict', ...atOrders()], {
      env: environment(),
    })
    expect(out.replace(/[\da-f]{32}/g, '<id>')).not.toMatch(/ctsn_|eyJ/)
    const lines = out.split('\n').map(line => line.replace(/ {2,}/g, '  '))
    expect(lines).toContain(
      'ok  token.contents  signed by a published key, for https://orders.example.com (RFC 9068 §2)',
    )
    expect(lines).toContain('ok  api.no_token  a call without a token is 401 {"message":"Unauthorized"}')
    expect(lines).toContain('ok  api.invalid_token  an invalid token is 401 {"message":"Unauthorized"}')
    expect(lines).toContain('ok  api.403  too little scope is 403 {"message":"Forbidden"}')
    expect(out).toMatch(
      /^ok +api\.revocation +a revoked token was last let through after [0-5]\.\d s, promised are 5 s \(\d+ calls\)$/m,
    )
    expect(err).toMatch(/^(measuring the revocation delay: \d of 6 s …\n)+$/)
    expect([code, lines.at(-2)]).toEqual([0, '20 ok, 0 warn, 0 fail, 2 not checked'])
    await noneLeft()
  })

  it('prints one JSON document with every check, and says what it did not check', async () => {
    const report = await doctor()
    expect([report.code, report.err]).toEqual([0, ''])
    expect(JSON.parse(report.out)).toMatchObject({
      issuer: stack().endpoints.issuer,
      checked_at: expect.any(Number),
      summary: { warn: 0, fail: 0, not_checked: 3 },
    })
    expect(report.outcomes).toEqual({
      discovery: 'ok',
      'discovery.openid': 'ok',
      tls: 'not_checked',
      jwks: 'ok',
      'jwks.cache': 'ok',
      clock: 'ok',
      keys: 'ok',
      'keys.standby': 'ok',
      'keys.published': 'ok',
      secrets: 'ok',
      token: 'ok',
      'token.contents': 'ok',
      'token.401': 'ok',
      'token.challenge': 'ok',
      api: 'not_checked',
      'temporary client': 'ok',
      alarms: 'not_checked',
    })
  })

  it('notices another issuer, and sends nothing signed to it (RFC 8414 §3.3)', async () => {
    const methods: string[] = []
    const report = await doctor([], async ({ method, url }, answer) => {
      methods.push(`${method} ${new URL(url).pathname}`)
      if (!url.endsWith(wellKnown)) return undefined
      const document = { ...((await answer.json()) as Json), issuer: 'https://other.example' }
      return withHeaders(answer, () => {}, JSON.stringify(document))
    })
    expect(report.code).toBe(1)
    expect(report.outcomes).toEqual({
      discovery: 'fail',
      tls: 'not_checked',
      'everything else': 'not_checked',
    })
    expect(finding(report, 'discovery')?.found).toBe(
      `names the issuer "https://other.example", not ${stack().endpoints.issuer} (RFC 8414 §3.3)`,
    )
    expect(methods).toEqual([`GET ${wellKnown}`])
  })

  it('notices an API without an authorizer, and sends no token to it', async () => {
    const sent: (string | null)[] = []
    const url = stack().url('orders', '/health')
    const report = await doctor(atOrders('/health'), request => {
      if (request.url === url) sent.push(request.headers.get('authorization'))
      return undefined
    })
    expect([report.code, report.outcomes['api.no_token'], report.outcomes.token]).toEqual([1, 'fail', 'ok'])
    expect(finding(report, 'api.no_token')?.found).toBe(
      'IS LET THROUGH without a token (status 200): the route has no authorizer',
    )
    expect(sent).toEqual([null])
    await noneLeft()
  })

  it.each([
    ['is gone', undefined, 'fail'],
    ['is renamed by the gateway', 'x-amzn-remapped-www-authenticate', 'warn'],
  ])('notices that WWW-Authenticate %s (RFC 6749 §5.2)', async (_title, renamed, outcome) => {
    const report = await doctor([], (_request, answer) => {
      const challenge = answer.headers.get('www-authenticate')
      if (challenge === null) return undefined
      return withHeaders(answer, headers => {
        headers.delete('www-authenticate')
        if (renamed !== undefined) headers.set(renamed, challenge)
      })
    })
    expect([report.outcomes['token.challenge'], report.code]).toEqual([outcome, outcome === 'fail' ? 1 : 0])
  })

  const old = Math.floor(Date.now() / 1000) - 200 * 86_400
  const remade = (path: string, member: string, change: (entry: Json) => Json[]): Fault => {
    return async ({ method, url }, answer) => {
      if (method !== 'GET' || new URL(url).pathname !== `/admin/${path}`) return undefined
      const document = (await answer.json()) as Record<string, Json[]>
      return Response.json({ ...document, [member]: document[member]?.flatMap(change) })
    }
  }
  const keysAre = (change: (key: Json) => Json[]) => remade('keys', 'keys', change)
  const isActive = (key: Json) => key.state === 'active'

  it.each<[string, string, string, RegExp, Fault]>([
    [
      'a key that signs for longer than it should',
      'keys',
      'warn',
      /^[\w-]{43} has signed for 200 d, longer than 90 d$/,
      keysAre(key => [isActive(key) ? { ...key, sign_from: old } : key]),
    ],
    ['no key that signs', 'keys', 'fail', /^no key signs$/, keysAre(key => (isActive(key) ? [] : [key]))],
    [
      'no standby key',
      'keys.standby',
      'warn',
      /^no key to fall back on$/,
      keysAre(key => (isActive(key) ? [key] : [])),
    ],
    [
      'a key that is not in the JWKS',
      'keys.published',
      'fail',
      /^not in the JWKS: other$/,
      keysAre(key => [key, ...(isActive(key) ? [{ ...key, kid: 'other', created_at: old }] : [])]),
    ],
    [
      'secrets that are too old',
      'secrets',
      'warn',
      /^(\d+) of \1 live are older than 180 d: [\da-f]{16} of [\da-f]{32} \(200 d\)/,
      remade('clients', 'clients', client => [
        { ...client, secrets: (client.secrets as Json[]).map(secret => ({ ...secret, created_at: old })) },
      ]),
    ],
    [
      'a temporary client of an earlier run',
      'leftovers',
      'warn',
      /^temporary clients of earlier runs: x$/,
      remade('clients', 'clients', client => [
        client,
        { ...client, client_id: 'x', client_name: 'countersign doctor 0a1b2c3d', client_id_issued_at: old },
      ]),
    ],
  ])('notices %s', async (_title, check, outcome, found, fault) => {
    const report = await doctor([], fault)
    const { found: said = '' } = finding(report, check) ?? {}
    expect([report.outcomes[check], report.code]).toEqual([outcome, outcome === 'fail' ? 1 : 0])
    expect(said).toMatch(found)
  })

  it('exits with 1 for a warning only when it is strict', async () => {
    const fault = keysAre(key => (isActive(key) ? [key] : []))
    const { code, outcomes } = await doctor(['--strict'], fault)
    expect([code, Object.values(outcomes).filter(each => each === 'fail')]).toEqual([1, []])
  })

  it.each([
    ['public, max-age=86400', 'fail', 1],
    ['public, max-age=300, s-maxage=3600', 'fail', 1],
    ['public', 'warn', 0],
    ['max-age=60', 'ok', 0],
  ])('judges a JWKS with Cache-Control: %s', async (control, outcome, code) => {
    const report = await doctor([], ({ url }, answer) =>
      url.endsWith('/jwks.json')
        ? withHeaders(answer, headers => headers.set('cache-control', control))
        : undefined,
    )
    expect([report.outcomes['jwks.cache'], report.code]).toEqual([outcome, code])
  })

  it.each([
    [60, 'fail', /^is (59|60|61) s ahead of this machine's: client assertions made here are refused$/],
    [-60, 'fail', /^is (58|59|60) s behind this machine's: client assertions made here are refused$/],
    [5, 'warn', /^is (4|5|6) s ahead of this machine's$/],
  ])('notices a clock that is %i s off', async (seconds, outcome, found) => {
    const report = await doctor([], (_request, answer) =>
      withHeaders(answer, headers => {
        const date = Date.parse(headers.get('date') ?? '')
        headers.set('date', new Date(date + seconds * 1000).toUTCString())
      }),
    )
    expect([report.outcomes.clock, finding(report, 'clock')?.found]).toEqual([
      outcome,
      expect.stringMatching(found),
    ])
  })

  it('notices a revoked token that a cache lets through after the promised time', async () => {
    const url = stack().url('orders', '/orders')
    const allowed = new Map<string, Response>()
    const report = await doctor([...atOrders(), '--revocation-delay', '1'], (request, answer) => {
      const header = request.headers.get('authorization')
      if (request.url !== url || header === null) return undefined
      const before = allowed.get(header)
      if (before !== undefined) return before.clone()
      if (answer.status === 200) allowed.set(header, answer.clone())
      return undefined
    })
    expect([report.code, report.outcomes['api.revocation']]).toEqual([1, 'fail'])
    expect(finding(report, 'api.revocation')?.found).toMatch(
      /^a revoked token was last let through after (1\.\d|2\.0) s, promised are 1 s$/,
    )
    await noneLeft()
  })

  it("notices an authorizer whose 401 comes out as 500, as AWS's might", async () => {
    const url = stack().url('orders', '/orders')
    const report = await doctor([...atOrders(), '--revocation-delay', '0'], (request, answer) =>
      request.url === url && request.headers.has('authorization') && answer.status === 401
        ? new Response('{"message":"Internal Server Error"}', { status: 500 })
        : undefined,
    )
    expect([report.outcomes['api.invalid_token'], report.outcomes['api.revocation']]).toEqual([
      'fail',
      'fail',
    ])
    expect(finding(report, 'api.invalid_token')?.found).toBe('an invalid token is refused with 500, not 401')
    await noneLeft()
  })

  it('asks which resource server the API is rather than believe it (RFC 9728 §3.3)', async () => {
    const report = await doctor(['--api', stack().url('orders', '/orders')])
    expect(finding(report, 'token')).toEqual({
      check: 'token',
      outcome: 'not_checked',
      found: `the API calls itself ${orders}, which is another address (RFC 9728 §3.3)`,
      remedy: `If that is right: --resource ${orders}`,
    })
  })

  it('fails where the route or the resource server that were named are not there', async () => {
    const nowhere = await doctor(atOrders('/nowhere'))
    expect([nowhere.code, finding(nowhere, 'api.no_token')]).toEqual([
      1,
      {
        check: 'api.no_token',
        outcome: 'fail',
        found: `${stack().url('orders', '/nowhere')} does not exist (404)`,
        remedy: 'Name a protected GET route with --api.',
      },
    ])
    const unknown = await doctor(['--resource', 'https://order.example.com'])
    expect([unknown.code, finding(unknown, 'token')]).toEqual([
      1,
      {
        check: 'token',
        outcome: 'fail',
        found: 'the resource server https://order.example.com is not registered',
        remedy: 'Name one of "countersign resource-servers list" with --resource.',
      },
    ])
    await noneLeft()
  })

  it('deletes the client although the answer to its registration was lost', async () => {
    const report = await doctor([], ({ method, url }) => {
      if (method === 'POST' && url.endsWith('/admin/clients')) throw new TypeError('fetch failed')
      return undefined
    })
    expect([report.code, report.outcomes.token, report.outcomes['temporary client']]).toEqual([
      1,
      'fail',
      'ok',
    ])
    await noneLeft()
  })

  it('deletes the client when it is interrupted', async () => {
    const interruption = new AbortController()
    const url = stack().url('orders', '/orders')
    const interruptAtFirstCall: Fault = request => {
      if (request.url === url && request.headers.has('authorization')) interruption.abort()
      return undefined
    }
    const report = await doctor(atOrders(), interruptAtFirstCall, interruption.signal)
    expect([report.code, report.outcomes['temporary client'], report.outcomes.token]).toEqual([1, 'ok', 'ok'])
    expect(finding(report, 'interrupted')?.found).toBe('interrupted: what follows was not checked')
    await noneLeft()
  })

  it('refuses --api in plain http to another machine, before anything is sent', async () => {
    const run = await countersign(['doctor', '--api', 'http://192.0.2.1/orders'], { env: environment() })
    expect([run.code, run.err.split('\n')[0]]).toEqual([
      2,
      'countersign: --api must be the https URL of a protected route (plain http is for this machine only): http://192.0.2.1/orders',
    ])
  })
})
