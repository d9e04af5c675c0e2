import { ScanCommand } from '@aws-sdk/client-dynamodb'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGuard, type Guard, type GuardOptions } from '../../guard/index.ts'
import { localCredentials } from '../../local/local-credentials.ts'
import { AttackedStack } from '../attacks/support/attacked-stack.ts'
import { hostileClaims, signedByServer, spellings } from '../attacks/support/hostile-access-tokens.ts'
import { orders, payments, type RegisteredClient, useLocalStack } from '../flow/local-stack.ts'
import { untilRefused } from '../flow/until-refused.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { startDocumentedGuard } from './documented-guards.ts'
import { listen } from './local-issuer.ts'

const stack = useLocalStack()
/** Shorter than the default, so that nobody waits for five seconds. */
const maxRevocationDelaySeconds = 2
const read = { allOf: ['orders:read'] }
const bothResources = [
  { resource: orders, scope: 'orders:read orders:write' },
  { resource: payments, scope: 'payments:read' },
]

let client: RegisteredClient
let kinds: Record<string, GuardOptions>
beforeAll(async () => {
  const { issuer, tables, aws, region } = stack().endpoints
  client = await stack().register({ grants: bothResources })
  const { client_id: clientId, client_secret: clientSecret } = await stack().register({
    grants: [],
    resource_server: orders,
  })
  const dynamoDb = { endpoint: aws.dynamodb, region, credentials: localCredentials }
  const rows = await storeClient(aws.dynamodb).send(new ScanCommand({ TableName: tables.SigningKeys }))
  const ring = rows.Items?.[0]?.ring?.S ?? ''
  const inTable = { table: tables.Revocations ?? '', maxRevocationDelaySeconds }
  const common = { issuer, audience: orders, dynamoDb }
  const keys = { table: tables.SigningKeys ?? '', ring }
  kinds = {
    'the tables': { ...common, keys, revocations: inTable },
    'the JWKS and the table of revocations': { ...common, revocations: inTable },
    introspection: { ...common, revocations: { clientId, clientSecret, maxRevocationDelaySeconds } },
    'the JWKS alone': { ...common, revocations: 'none' },
    'the tables, delay 0': { ...common, keys, revocations: { ...inTable, maxRevocationDelaySeconds: 0 } },
    'introspection, delay 0': {
      ...common,
      revocations: { clientId, clientSecret, maxRevocationDelaySeconds: 0 },
    },
  }
})

function newGuard(kind: string, changes: Partial<GuardOptions> = {}): Guard {
  const options = kinds[kind]
  if (options === undefined) throw new Error(kind)
  return createGuard({ ...options, ...changes })
}

const closings: (() => Promise<void>)[] = []
afterAll(() => Promise.all(closings.map(close => close())))

/** An Express app with one guarded route. */
async function startApp(kind: string): Promise<string> {
  const app = express()
  app.get('/orders', newGuard(kind).express(read), (_, response) => void response.json({}))
  const { url, close } = await listen(app)
  closings.push(close)
  return `${url}/orders`
}

describe.concurrent.each(['the tables', 'the JWKS and the table of revocations', 'introspection'])(
  'a service that is guarded by %s',
  kind => {
    it('refuses a revoked token within the delay, and no other (RFC 7009 §2.2)', async () => {
      const url = await startApp(kind)
      const [revoked, kept] = [
        await stack().token(client, { resource: orders }),
        await stack().token(client, { resource: orders }),
      ]
      expect(await stack().call('GET', url, revoked)).toBe(200)
      expect(await stack().call('GET', url, kept)).toBe(200)
      expect((await stack().revoke(client, revoked)).status).toBe(200)
      expect(await untilRefused(stack(), url, revoked, maxRevocationDelaySeconds * 1000)).toBe(401)
      expect(await stack().call('GET', url, kept)).toBe(200)
    })

    it('refuses every token of a client that was disabled within the delay', async () => {
      const url = await startApp(kind)
      const disabled = await stack().register()
      const token = await stack().token(disabled)
      expect(await stack().call('GET', url, token)).toBe(200)
      await stack().admin('POST', `/clients/${disabled.client_id}/disable`)
      expect(await untilRefused(stack(), url, token, maxRevocationDelaySeconds * 1000)).toBe(401)
    })
  },
)

describe.each(['the tables, delay 0', 'introspection, delay 0'])('a service that is guarded by %s', kind => {
  it('refuses the first request after the revocation of a token', async () => {
    const url = await startApp(kind)
    for (let round = 0; round < 5; round++) {
      const token = await stack().token(client, { resource: orders })
      expect(await stack().call('GET', url, token)).toBe(200)
      expect((await stack().revoke(client, token)).status).toBe(200)
      expect(await stack().call('GET', url, token)).toBe(401)
    }
  })
})

describe('a service that is guarded by the JWKS alone', () => {
  it('does not hear of a revocation, as it says', async () => {
    const url = await startApp('the JWKS alone')
    const token = await stack().token(client, { resource: orders })
    expect((await stack().revoke(client, token)).status).toBe(200)
    expect(await stack().call('GET', url, token)).toBe(200)
  })
})

describe('a guard and the Lambda authorizer', () => {
  it('refuse the same hostile tokens, for the same reason', async () => {
    const reasons: string[] = []
    const guard = newGuard('the tables', { onDecision: ({ reason }) => reasons.push(reason) })
    const honest = await stack().token(client, { resource: orders })
    const tokens: [string, string][] = [['honest', honest], ...spellings(honest)]
    for (const [what, claims] of hostileClaims)
      tokens.push([what, await signedByServer(stack(), await stack().register(), claims())])
    tokens.push(['for another audience', await stack().token(client, { resource: payments })])

    const attacked = new AttackedStack(stack())
    for (const [index, [what, token]] of tokens.entries()) {
      const authorization = `Bearer ${token}`
      const { allowed } = await guard.authorize({ authorization, require: read })
      // What is no header value, no HTTP client sends.
      if (!/^[\x20-\x7e]*$/.test(token)) continue
      const response = await fetch(stack().url('orders', '/orders'), { headers: { authorization } })
      const { reason } = await attacked.eventOf(response.headers.get('apigw-requestid') ?? '')
      expect([what, allowed, reasons[index]]).toEqual([what, response.status === 200, reason])
    }
    expect(reasons.filter(reason => reason === 'ok')).toHaveLength(1)
    expect(new Set(reasons).size).toBeGreaterThan(8)
  })
})

describe('what cannot be known', () => {
  it.each<[string, string, Partial<GuardOptions>, string]>([
    [
      'the tables',
      'the store is out of reach',
      { dynamoDb: { endpoint: 'http://127.0.0.1:1' } },
      'store call failed',
    ],
    [
      'the JWKS alone',
      'the JWKS is out of reach',
      { keys: { jwksUri: 'http://127.0.0.1:1/jwks.json' } },
      'the issuer did not answer as it must',
    ],
  ])('with %s is answered 503 where %s, and the log says why', async (kind, _, changes, message) => {
    const lines: string[] = []
    const dynamoDb = { ...kinds[kind]?.dynamoDb, ...changes.dynamoDb }
    const guard = newGuard(kind, { ...changes, dynamoDb, log: line => lines.push(line) })
    const authorization = `Bearer ${await stack().token(client, { resource: orders })}`
    expect(await guard.authorize({ authorization, require: read })).toMatchObject({
      allowed: false,
      reason: 'store_unavailable',
      status: 503,
      headers: { 'retry-after': '1' },
    })
    expect(lines.map(line => JSON.parse(line).message)).toContain(message)
  })

  it('with introspection is answered 503 where the issuer does not take the client', async () => {
    const lines: string[] = []
    const revocations = { clientId: client.client_id, clientSecret: 'wrong' }
    const guard = newGuard('introspection', { revocations, log: line => lines.push(line) })
    const authorization = `Bearer ${await stack().token(client, { resource: orders })}`
    expect(await guard.authorize({ authorization, require: read })).toMatchObject({ status: 503 })
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { endpoint: 'introspection', problem: 'status_401' },
    ])
  })
})

describe('the documented program for', () => {
  const settings = async () => {
    const { issuer, tables, aws, region } = stack().endpoints
    const resourceServer = await stack().register({ grants: [], resource_server: orders })
    return {
      ISSUER: issuer,
      REVOCATIONS_TABLE: tables.Revocations ?? '',
      CLIENT_ID: resourceServer.client_id,
      CLIENT_SECRET: resourceServer.client_secret,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      AWS_ENDPOINT_URL_DYNAMODB: aws.dynamodb,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    }
  }

  it.each(['Express', 'node:http'])('%s lets in who has the scope, and nobody else', async heading => {
    const server = startDocumentedGuard(heading, { ...(await settings()), PORT: '0' })
    const url = `${await server.firstLine()}/orders`
    const token = await stack().token(client, { resource: orders })
    const authorization = `Bearer ${token}`
    const response = await fetch(url, { headers: { authorization } })
    expect([response.status, await response.json()]).toEqual([200, { client: client.client_id }])
    expect(await stack().call('GET', url)).toBe(401)
    const writer = await stack().token(client, { resource: orders, scope: 'orders:write' })
    expect(await stack().call('GET', url, writer)).toBe(403)
  })

  it.each([
    ['Hono', 'handler'],
    ['Function URL', 'handler'],
    [
      'Fetch API',
      `async ({ headers }) => {
        const response = await served.fetch(new Request('http://localhost/orders', { headers }))
        return { statusCode: response.status, body: await response.text() }
      }`,
    ],
  ])(
    '%s lets in who has the scope and nobody else, and does not keep its process',
    async (heading, handler) => {
      const token = await stack().token(client, { resource: orders })
      const eventOf = (headers: object) => ({
        version: '2.0',
        rawPath: '/orders',
        rawQueryString: '',
        headers: { host: 'localhost', ...headers },
        requestContext: { requestId: 'r', http: { method: 'GET', path: '/orders', sourceIp: '192.0.2.1' } },
        isBase64Encoded: false,
      })
      const events = JSON.stringify([eventOf({ authorization: `Bearer ${token}` }), eventOf({})])
      const then = `
      const invoke = ${handler}
      const results = []
      for (const event of ${events}) results.push(await invoke(event, {}))
      console.log(JSON.stringify(results))`
      const output = await startDocumentedGuard(heading, await settings(), then).output()
      expect(JSON.parse(output)).toMatchObject([
        { statusCode: 200, body: JSON.stringify({ client: client.client_id }) },
        { statusCode: 401, body: '' },
      ])
    },
  )
})
