import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  RotateSecretCommand,
} from '@aws-sdk/client-secrets-manager'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openResponseEndpoint } from '../../local/deployment/response-endpoint.ts'
import { type FunctionName, functionEnvironment } from '../lambda/support/bundled-function.ts'
import { issuer, ordersAudience } from '../lambda/support/client-item.ts'
import {
  adminEvent,
  authorizerEvent,
  basic,
  httpEvent,
  restAuthorizerEvent,
} from '../lambda/support/http-event.ts'
import { startLocalKms } from '../lambda/support/local-kms.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import { apiGatewayForTest, planOf } from '../local/api-gateway/api-gateway-client.ts'
import { secretsManagerForTest } from '../local/secrets-manager/secrets-manager-client.ts'
import { type LambdaFunction, startLambdaFunction } from './lambda-function.ts'

const settings = {
  ACCESS_TOKEN_LIFETIME_SECONDS: '600',
  AUDIENCE: ordersAudience,
  SCOPES_SUPPORTED: 'orders:read orders:write',
  REVOCATION_REFRESH_SECONDS: '0',
  REVOCATION_OUTAGE_GRACE_SECONDS: '60',
  SIGNING_ALGORITHM: 'ES256',
  SIGNING_KEY_CUSTODY: 'kms',
  SIGNING_KEY_ROTATION_SECONDS: '7776000',
  API_KEY_PREFIX: 'countersign/ring/',
}
const routes = { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) }

interface Credentials {
  readonly client_id: string
  readonly client_secret: string
}

// Each test is the next step of one story: what a function has done, the next one finds.
describe.sequential('under the runtime client of Lambda', () => {
  let stores: Awaited<ReturnType<typeof startServices>>
  let environment: Record<string, string>
  const running: LambdaFunction[] = []
  const tried = new Set<FunctionName>()
  let client: Credentials
  let declared: Credentials
  let secretArn: string
  let token: string
  let jwks: string

  async function startServices() {
    const store = await startLocalStore()
    const kms = await startLocalKms()
    const stops: (() => Promise<void>)[] = [store.close, kms.close]
    const secrets = await secretsManagerForTest({}, stop => stops.push(stop))
    const { server: apiGateway } = await apiGatewayForTest({}, stop => stops.push(stop))
    return { store, kms, secrets, apiGateway, close: () => Promise.all(stops.map(stop => stop())) }
  }

  async function start(name: FunctionName): Promise<LambdaFunction> {
    const started = await startLambdaFunction(name, environment, routes)
    running.push(started)
    tried.add(name)
    expect(started.initialisation).toBeUndefined()
    return started
  }

  /** Starts a function, and gives what it answers to one event. */
  async function ask(name: FunctionName, event: unknown): Promise<unknown> {
    const outcome = await (await start(name)).invoke(event)
    if ('failure' in outcome) throw new Error(JSON.stringify(outcome.failure))
    return outcome.result
  }

  /** As `ask`, for the functions that answer HTTP requests. */
  async function request(name: FunctionName, event: unknown) {
    const { statusCode, body } = (await ask(name, event)) as { statusCode: number; body: string }
    return { status: statusCode, document: body === '' ? undefined : JSON.parse(body) }
  }

  /** What a function says to CloudFormation of a custom resource. */
  async function create(name: FunctionName, properties: object): Promise<string> {
    const endpoint = await openResponseEndpoint()
    await ask(name, {
      RequestType: 'Create',
      ResponseURL: endpoint.url,
      StackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/Countersign/1',
      RequestId: 'request-1',
      LogicalResourceId: 'Resource',
      ResourceType: 'Custom::Resource',
      ResourceProperties: { ServiceToken: 'arn', ...properties },
    })
    const { Status } = await endpoint.answer
    endpoint.close()
    return Status
  }

  const post = (routeKey: string, form: Record<string, string>, by = client) =>
    httpEvent({
      routeKey,
      headers: basic(by.client_id, by.client_secret),
      body: Buffer.from(new URLSearchParams(form).toString()).toString('base64'),
      isBase64Encoded: true,
    })

  async function storedSecret(): Promise<Credentials> {
    const get = new GetSecretValueCommand({ SecretId: secretArn })
    return JSON.parse((await stores.secrets.client.send(get)).SecretString ?? '')
  }

  /** The introspection endpoint with its function behind it, as the rotator reaches it. */
  async function serveIntrospection() {
    const introspect = await start('introspect')
    const server = createServer(async (request, response) => {
      const { authorization = '', 'content-type': type = '' } = request.headers
      const headers = { authorization, 'content-type': type }
      const body = Buffer.from(await text(request)).toString('base64')
      const event = httpEvent({ routeKey: 'ANY /introspect', headers, body, isBase64Encoded: true })
      const outcome = await introspect.invoke(event)
      const { statusCode } = ('result' in outcome ? outcome.result : { statusCode: 500 }) as {
        statusCode: number
      }
      response.writeHead(statusCode).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }

  beforeAll(async () => {
    stores = await startServices()
    const { store, kms, secrets, apiGateway } = stores
    const aws = functionEnvironment({
      dynamodb: store.url,
      kms: kms.url,
      secretsManager: secrets.server.url,
      apiGateway: apiGateway.url,
    })
    environment = { ...aws, ...settings }
  })
  afterAll(async () => {
    const stopped = await Promise.allSettled(running.map(fn => fn.stop()))
    await stores.close()
    expect(stopped.filter(({ status }) => status === 'rejected')).toEqual([])
  })

  it('the keeper makes the first signing keys', async () => {
    expect(await create('keeper', {})).toBe('SUCCESS')
  })

  it('the registrar registers the resource servers of the deployment', async () => {
    const Scopes = [{ Scope: 'orders:read', Description: 'Read orders' }]
    const ResourceServers = [{ Audience: ordersAudience, Scopes }]
    expect(await create('registrar', { ResourceServers })).toBe('SUCCESS')
  })

  it('the admin function registers a client', async () => {
    const grants = [{ resource: ordersAudience, scope: 'orders:read' }]
    const body = JSON.stringify({ client_name: 'billing', grants })
    const event = adminEvent({ routeKey: 'POST /admin/clients', body })
    const { status, document } = await request('admin', event)
    expect(status).toBe(201)
    client = document
  })

  it('the keeper of API keys makes one for the client', async () => {
    const { usagePlans } = stores.apiGateway
    usagePlans.define(planOf('plan', { name: 'countersign/ring/Orders' }))
    expect(await create('api-keys', { UsagePlanId: 'plan' })).toBe('SUCCESS')
    expect(usagePlans.admit('api-of-plan', 'prod', client.client_id)).toHaveProperty('key')
  })

  it('the token function issues a token', async () => {
    const event = post('ANY /token', { grant_type: 'client_credentials' })
    const { status, document } = await request('token', event)
    expect([status, document.expires_in]).toEqual([200, 600])
    token = document.access_token
    expect(decodeJwt(token)).toMatchObject({ iss: issuer, aud: ordersAudience, scope: 'orders:read' })
  })

  it('the authorizer allows it', async () => {
    expect(await ask('authorizer', authorizerEvent('GET /orders', `Bearer ${token}`))).toMatchObject({
      isAuthorized: true,
      context: { clientId: client.client_id, scope: 'orders:read' },
    })
  })

  it('the authorizer of a REST API allows its routes', async () => {
    const event = restAuthorizerEvent('GET', '/orders', `Bearer ${token}`)
    expect(await ask('rest-authorizer', event)).toMatchObject({
      principalId: client.client_id,
      policyDocument: { Statement: [{ Effect: 'Allow' }] },
    })
  })

  it('the example answers with what the authorizer said', async () => {
    const event = httpEvent({ routeKey: 'GET /orders' })
    const authorizer = { lambda: { clientId: client.client_id } }
    const authorized = { ...event, requestContext: { ...event.requestContext, authorizer } }
    const { status, document } = await request('example-api', authorized)
    expect([status, document.clientId]).toEqual([200, client.client_id])
  })

  it('the introspection function describes it', async () => {
    const { status, document } = await request('introspect', post('ANY /introspect', { token }))
    expect([status, document.active]).toEqual([200, true])
  })

  it('the metadata function publishes the keys', async () => {
    const { status, document } = await request(
      'metadata',
      httpEvent({ routeKey: 'GET /.well-known/jwks.json' }),
    )
    expect([status, document.keys.length]).toEqual([200, 2])
    jwks = JSON.stringify(document)
  })

  it('the authorizers of a server elsewhere allow it, by the JWKS', async () => {
    const server = createServer((_, response) => response.end(jwks)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    environment.JWKS_URI = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
    environment.REVOCATIONS_REGION = 'us-east-1'
    const event = authorizerEvent('GET /orders', `Bearer ${token}`)
    expect(await ask('remote-authorizer', event)).toMatchObject({ isAuthorized: true })
    const restEvent = restAuthorizerEvent('GET', '/orders', `Bearer ${token}`)
    expect(await ask('remote-rest-authorizer', restEvent)).toMatchObject({
      policyDocument: { Statement: [{ Effect: 'Allow' }] },
    })
    server.closeAllConnections()
    server.close()
  })

  it('the function of a protected API says where its tokens come from', async () => {
    const event = httpEvent({ routeKey: 'GET /.well-known/oauth-protected-resource' })
    const { status, document } = await request('resource-metadata', event)
    expect([status, document.authorization_servers]).toEqual([200, [issuer]])
  })

  it('the revocation function revokes it, and the authorizer refuses it', async () => {
    expect((await request('revoke', post('ANY /revoke', { token }))).status).toBe(200)
    expect(await ask('authorizer', authorizerEvent('GET /orders', `Bearer ${token}`))).toEqual({
      errorMessage: 'Unauthorized',
    })
  })

  it('the client registrar registers a client with a secret that only Secrets Manager knows', async () => {
    const { ARN } = await stores.secrets.client.send(new CreateSecretCommand({ Name: 'billing' }))
    secretArn = ARN ?? ''
    const grants = [{ resource: ordersAudience, scope: 'orders:read' }]
    const properties = {
      ClientMetadata: {
        client_name: 'billing',
        token_endpoint_auth_method: 'client_secret_basic',
        grants,
      },
      TokenEndpoint: `${issuer}/token`,
      SecretArn: secretArn,
      SecretOverlapSeconds: '60',
    }
    expect(await create('client-registrar', properties)).toBe('SUCCESS')
    declared = await storedSecret()
    const { status } = await request('introspect', post('ANY /introspect', { token }, declared))
    expect(status).toBe(200)
  })

  it('the secret rotator takes the four steps of a rotation, and the old secret works on', async () => {
    const server = await serveIntrospection()
    environment.INTROSPECTION_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const rotator = await start('secret-rotator')
    const outcomes: unknown[] = []
    stores.secrets.server.useFunctions(async (_, event) => {
      const outcome = await rotator.invoke(JSON.parse(event))
      outcomes.push([JSON.parse(event).Step, outcome])
      return 'failure' in outcome ? outcome : { payload: JSON.stringify(outcome.result) }
    })
    const rotate = new RotateSecretCommand({
      SecretId: secretArn,
      RotationLambdaARN: 'arn:rotator',
      RotationRules: { ScheduleExpression: 'rate(90 days)' },
    })
    await stores.secrets.client.send(rotate)
    await vi.waitFor(() => expect(outcomes.length).toBeGreaterThanOrEqual(4), 10_000)
    const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret']
    expect(outcomes).toEqual(steps.map(step => [step, { result: null }]))
    const fresh = await storedSecret()
    expect(fresh.client_secret).not.toBe(declared.client_secret)
    for (const by of [declared, fresh]) {
      const { status } = await request('introspect', post('ANY /introspect', { token }, by))
      expect([by.client_id, status]).toEqual([declared.client_id, 200])
    }
    server.closeAllConnections()
    server.close()
  })

  it('every function has been tried', () => {
    const handlers = readdirSync(new URL('../../lambda/handlers', import.meta.url))
    expect([...tried].sort()).toEqual(handlers.map(file => basename(file, '.ts')).sort())
  })

  it('a function that cannot start says why', async () => {
    const started = await startLambdaFunction('token', {})
    running.push(started)
    expect(started.initialisation).toMatchObject({
      failure: { errorMessage: expect.stringMatching(/^the environment variable \w+ is not set$/) },
    })
  })
})
