// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has placeholders of its own
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StackTemplate } from '../../local/cloud-assembly.ts'
import { type DeploymentOptions, deployLocally, type LocalDeployment } from '../../local/deployment.ts'
import type { Intrinsics } from '../../local/intrinsics.ts'
import { usagePlansIn } from './api-gateway/usage-plans.ts'
import {
  type AssemblySetup,
  httpApi,
  lambdaFunction,
  permission,
  writeAssembly,
} from './deployment/assembly.ts'

const echo = 'export const handler = async event => ({ event, env: process.env })'
let folder: string
let running: LocalDeployment[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployment-'))
})

afterEach(async () => {
  await Promise.all(running.map(deployment => deployment.close()))
  running = []
  rmSync(folder, { recursive: true })
})

/** Stands in for the tables of the data store. */
async function createTables(_: string, stack: StackTemplate, intrinsics: Intrinsics) {
  const tables = stack.resources.filter(({ type }) => type === 'AWS::DynamoDB::Table')
  for (const { logicalId } of tables) intrinsics.define(logicalId, { ref: `${stack.stackName}-${logicalId}` })
  return Object.fromEntries(tables.map(({ logicalId }) => [logicalId, `${stack.stackName}-${logicalId}`]))
}

async function deploy(setup: AssemblySetup, options: Partial<DeploymentOptions> = {}) {
  writeAssembly(join(folder, 'cdk.out'), setup)
  const deployment = await deployLocally({
    assemblyDir: join(folder, 'cdk.out'),
    dataDir: join(folder, 'data'),
    port: 0,
    region: 'eu-west-1',
    accountId: '000000000000',
    aws: {
      dynamodb: 'http://127.0.0.1:1',
      kms: 'http://127.0.0.1:2',
      secretsmanager: 'http://127.0.0.1:3',
      apigateway: 'http://127.0.0.1:4',
    },
    usagePlans: await usagePlansIn(join(folder, 'data')),
    createTables,
    ...options,
  })
  running.push(deployment)
  return deployment
}

/** What the echoing function answers. */
async function echoed(url: string) {
  const body: unknown = await (await fetch(url)).json()
  return body as { event: { requestContext: Record<string, unknown> }; env: Record<string, string> }
}

function logged(name: string) {
  const file = join(folder, 'data', 'logs', `${name}.log`)
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line))
    : []
}

const app: AssemblySetup = {
  resources: {
    ...httpApi('OrdersApi', 'orders', 'Handler', 'GET /orders'),
    ...httpApi('ServerApi', 'authorization-server', 'Handler', 'GET /token'),
    Handler: lambdaFunction('echo', 'Orders/Api/CountersignAuthorizer/Function', {
      Environment: {
        Variables: {
          SERVICE: 'token',
          ISSUER: { 'Fn::GetAtt': ['ServerApi', 'ApiEndpoint'] },
          TABLE: { Ref: 'Clients' },
        },
      },
    }),
    Clients: { Type: 'AWS::DynamoDB::Table' },
    Topic: { Type: 'AWS::SNS::Topic' },
    Logs: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 30 } },
    Policy: { Type: 'AWS::IAM::Policy', Properties: { PolicyDocument: { anything: { 'Fn::Whatever': 1 } } } },
    CDKMetadata: { Type: 'AWS::CDK::Metadata', Condition: 'Available' },
  },
  code: { echo },
  sections: { Conditions: { Available: { 'Fn::Equals': ['a', 'b'] } } },
  outputs: {
    Issuer: { 'Fn::GetAtt': ['ServerApi', 'ApiEndpoint'] },
    OrdersEndpoint: { 'Fn::GetAtt': ['OrdersApi', 'ApiEndpoint'] },
    AdminEndpoint: { 'Fn::Join': ['', [{ 'Fn::GetAtt': ['ServerApi', 'ApiEndpoint'] }, '/admin']] },
    ClientsTable: { Ref: 'Clients' },
    AlarmTopicArn: { Ref: 'Topic' },
    LogGroupArn: { 'Fn::GetAtt': ['Logs', 'Arn'] },
  },
}

describe('a local deployment', () => {
  it('runs the functions of a template behind its APIs, and gives outputs, APIs and tables', async () => {
    const { outputs, apis, tables } = await deploy(app)
    const issuer = outputs.Issuer ?? ''
    expect(issuer).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(apis).toEqual({ 'authorization-server': issuer, orders: outputs.OrdersEndpoint })
    expect(tables).toEqual({ Clients: 'Test-Clients' })
    expect(outputs).toMatchObject({
      AdminEndpoint: `${issuer}/admin`,
      ClientsTable: 'Test-Clients',
      AlarmTopicArn: 'arn:aws:sns:eu-west-1:000000000000:Test-Topic',
      LogGroupArn: 'arn:aws:logs:eu-west-1:000000000000:log-group:Test-Logs:*',
    })
    const { event, env } = await echoed(`${apis.orders}/orders`)
    expect(event.requestContext).toMatchObject({ accountId: '000000000000', routeKey: 'GET /orders' })
    expect(event.requestContext.apiId).toMatch(/^[a-z0-9]{10}$/)
    expect(env).toMatchObject({
      ISSUER: issuer,
      TABLE: 'Test-Clients',
      AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:2',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:3',
    })
  })

  it('gives PORT to the issuer and the next ports to the other APIs', async () => {
    // Ports below the ephemeral range, so that nothing else takes the second one meanwhile.
    for (let port = 20_000 + (process.pid % 5_000) * 2; ; port += 2) {
      const deployment = await deploy(app, { port }).catch(error => {
        if (!String(error).includes('is taken')) throw error
      })
      if (deployment === undefined) continue
      expect(deployment.issuer).toBe(`http://127.0.0.1:${port}`)
      expect(deployment.apis.orders).toBe(`http://127.0.0.1:${port + 1}`)
      break
    }
  })

  it('refuses a second authorization server', async () => {
    const Second = lambdaFunction('echo', 'Second/Token', {
      Environment: {
        Variables: { SERVICE: 'token', ISSUER: { 'Fn::GetAtt': ['OrdersApi', 'ApiEndpoint'] } },
      },
    })
    await expect(deploy({ ...app, resources: { ...app.resources, Second } })).rejects.toThrow(
      'a local run has one authorization server, not 2 (in Test): choose a stack with --stack',
    )
  })

  it('runs code that the template holds itself, as CommonJS', async () => {
    const Handler = lambdaFunction('echo', 'Handler', {
      Code: { ZipFile: 'exports.handler = async () => ({ inline: true })' },
    })
    const { apis } = await deploy({ ...app, resources: { ...app.resources, Handler } })
    expect(await (await fetch(`${apis.orders}/orders`)).json()).toEqual({ inline: true })
  })

  it.each([
    ['aws://unknown-account/unknown-region', undefined],
    ['aws://000000000000/eu-west-1', undefined],
    [
      'aws://123456789012/eu-west-1',
      'stack Test is for account 123456789012, the local run has 000000000000',
    ],
    ['aws://unknown-account/us-east-1', 'stack Test is for us-east-1, the local run is in eu-west-1'],
  ])('takes a stack for %s only if that is where it runs', async (environment, refusal) => {
    const deployed = deploy({ ...app, environment }).then(() => undefined)
    await (refusal === undefined ? deployed : expect(deployed).rejects.toThrow(refusal))
  })

  it('names a port that is taken, and the setting', async () => {
    const blocker = createServer()
    await new Promise<void>(resolve => blocker.listen(0, '127.0.0.1', resolve))
    const { port } = blocker.address() as { port: number }
    await expect(deploy(app, { port })).rejects.toThrow(
      `port ${port} is taken by another program (it and the next ones up to ${port + 1} are needed): choose another one with PORT`,
    )
    blocker.close()
  })

  it('starts one process of a function ahead, and leaves none when it closes', async () => {
    const deployment = await deploy(app)
    const pids = deployment.processIds()
    expect(pids).toHaveLength(1)
    await deployment.close()
    expect(deployment.processIds()).toEqual([])
    expect(() => process.kill(pids[0] ?? 0, 0)).toThrow('ESRCH')
    await expect(fetch(deployment.outputs.Issuer ?? '')).rejects.toThrow('fetch failed')
  })

  it('finishes a request under way when it closes', async () => {
    const slow =
      'export const handler = async () => { await new Promise(r => setTimeout(r, 150)); return "done" }'
    const deployment = await deploy({ ...app, code: { echo: slow } })
    const response = fetch(`${deployment.apis.orders}/orders`)
    await new Promise(resolve => setTimeout(resolve, 50))
    await deployment.close()
    expect(await (await response).text()).toBe('done')
  })

  it('keeps the log of a function under the name of its path', async () => {
    const { apis } = await deploy({
      ...app,
      code: { echo: 'export const handler = async () => console.log("hi")' },
    })
    await fetch(`${apis.orders}/orders`)
    await expect
      .poll(() => logged('orders-api-countersign-authorizer-function').map(({ message }) => message))
      .toEqual(['hi'])
  })

  it('says in the log of the gateway why a request was answered with a 5xx', async () => {
    const { apis } = await deploy({
      ...app,
      code: { echo: 'export const handler = async () => { throw new Error("x") }' },
    })
    expect((await fetch(`${apis.orders}/orders`)).status).toBe(500)
    expect(logged('gateway')[0]).toMatchObject({
      level: 'ERROR',
      api: 'orders',
      message: 'the function failed: Error',
      routeKey: 'GET /orders',
    })
  })

  it('says which function does not start, and goes on', async () => {
    const progress: string[] = []
    await deploy(
      { ...app, code: { echo: 'throw new Error("no")' } },
      { onProgress: message => progress.push(message) },
    )
    expect(progress).toEqual(['function Test-Handler does not start: no'])
  })

  it('takes a function only where a permission of the template says so', async () => {
    const { OrdersApiPermission: _, ...resources } = app.resources
    const { apis } = await deploy({ ...app, resources })
    expect((await fetch(`${apis.orders}/orders`)).status).toBe(500)
    expect((await fetch(`${apis['authorization-server']}/token`)).status).toBe(200)
  })

  it('looks at the method and path that a permission names', async () => {
    const OrdersApiPermission = permission('Handler', { 'Fn::Sub': '${OrdersApi}/*/GET/other' })
    const { apis } = await deploy({ ...app, resources: { ...app.resources, OrdersApiPermission } })
    expect((await fetch(`${apis.orders}/orders`)).status).toBe(500)
  })

  it.each<[string, Record<string, unknown>, string]>([
    [
      'a resource type',
      { X: { Type: 'AWS::SQS::Queue' } },
      'the local run does not know these resources: AWS::SQS::Queue X',
    ],
    [
      'CORS settings',
      {
        OrdersApi: {
          Type: 'AWS::ApiGatewayV2::Api',
          Properties: { Name: 'o', ProtocolType: 'HTTP', CorsConfiguration: {} },
        },
      },
      'AWS::ApiGatewayV2::Api OrdersApi: the local run does not know the property CorsConfiguration',
    ],
    [
      'a WebSocket API',
      { OrdersApi: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'o', ProtocolType: 'WEBSOCKET' } } },
      'the property ProtocolType has the value "WEBSOCKET"',
    ],
    ['a custom domain', { D: { Type: 'AWS::ApiGatewayV2::DomainName' } }, 'AWS::ApiGatewayV2::DomainName D'],
    [
      'a function in a VPC',
      { Handler: lambdaFunction('echo', 'H', { VpcConfig: {} }) },
      'does not know the property VpcConfig',
    ],
    [
      'another runtime',
      { Handler: lambdaFunction('echo', 'H', { Runtime: 'python3.13' }) },
      'Runtime has the value "python3.13"',
    ],
    [
      'code that is not there',
      { Handler: lambdaFunction('gone', 'H') },
      'the property Code names no folder among the assets',
    ],
    [
      'a handler that is not there',
      { Handler: lambdaFunction('echo', 'H', { Handler: 'main.handler' }) },
      'handler main.handler: there is no such module',
    ],
    [
      'a circle',
      { A: { Type: 'AWS::IAM::Policy', DependsOn: 'B' }, B: { Type: 'AWS::IAM::Policy', DependsOn: ['A'] } },
      'circular dependency: A -> B -> A',
    ],
  ])('refuses %s that it does not know, by name', async (_, resources, message) => {
    await expect(
      deploy({ ...app, resources: { ...app.resources, ...resources } as AssemblySetup['resources'] }),
    ).rejects.toThrow(message)
  })

  it('refuses a concurrency that is none', async () => {
    process.env.COUNTERSIGN_LOCAL_CONCURRENCY = 'many'
    await expect(deploy(app)).rejects.toThrow(
      'COUNTERSIGN_LOCAL_CONCURRENCY must be a whole number from 1, not many',
    )
    delete process.env.COUNTERSIGN_LOCAL_CONCURRENCY
  })
})

describe('a custom resource', () => {
  const keeper = `
    const answer = (event, body) => fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify({
      StackId: event.StackId, RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId, ...body }) })
    export const handler = async event => {
      console.log(event)
      if (event.ResourceProperties.crash) throw new Error('crashed')
      if (event.ResourceProperties.silent) return
      if (event.ResourceProperties.fail) await answer(event, { Status: 'FAILED', Reason: 'no key' })
      else await answer(event, { Status: 'SUCCESS', PhysicalResourceId: 'ring-1', Data: { Kid: 'k1', Count: 2 } })
    }`

  function withRing(properties: Record<string, unknown>): AssemblySetup {
    return {
      resources: {
        ...httpApi('Api', 'api', 'Handler', 'GET /x'),
        // Depends on the custom resource, which comes later in the template.
        Handler: lambdaFunction('echo', 'Handler', {
          Environment: { Variables: { KID: { 'Fn::GetAtt': ['Ring', 'Kid'] }, RING: { Ref: 'Ring' } } },
        }),
        Ring: {
          Type: 'AWS::CloudFormation::CustomResource',
          Properties: {
            ServiceToken: { 'Fn::GetAtt': ['Keeper', 'Arn'] },
            ring: { Ref: 'SigningKeys' },
            ...properties,
          },
        },
        Keeper: lambdaFunction('keeper', 'Keeper'),
        SigningKeys: { Type: 'AWS::DynamoDB::Table' },
      },
      code: { echo, keeper },
      outputs: { Count: { 'Fn::GetAtt': ['Ring', 'Count'] } },
    }
  }

  const events = () => logged('keeper').map(({ message }) => message)

  it('is made by its function, which answers to ResponseURL', async () => {
    const { apis, outputs } = await deploy(withRing({ version: 3, exact: true }))
    const { env } = await echoed(`${apis.api}/x`)
    expect(env).toMatchObject({ KID: 'k1', RING: 'ring-1' })
    expect(outputs.Count).toBe('2')
    await expect.poll(events).toHaveLength(1)
    const arn = 'arn:aws:lambda:eu-west-1:000000000000:function:Test-Keeper'
    expect(events()[0]).toEqual({
      RequestType: 'Create',
      RequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ResponseURL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]{36}$/),
      ServiceToken: arn,
      StackId: expect.stringMatching(/^arn:aws:cloudformation:eu-west-1:000000000000:stack\/Test\//),
      ResourceType: 'AWS::CloudFormation::CustomResource',
      LogicalResourceId: 'Ring',
      ResourceProperties: { ServiceToken: arn, ring: 'Test-SigningKeys', version: '3', exact: 'true' },
    })
  })

  it('gets nothing at a later start with the same properties, and keeps its attributes', async () => {
    await (await deploy(withRing({}))).close()
    const { apis } = await deploy(withRing({}))
    expect((await echoed(`${apis.api}/x`)).env.KID).toBe('k1')
    expect(events()).toHaveLength(1)
  })

  it('gets an Update with the old properties when they changed', async () => {
    await (await deploy(withRing({ version: 1 }))).close()
    await (await deploy(withRing({ version: 2 }))).close()
    expect(events()[1]).toMatchObject({
      RequestType: 'Update',
      PhysicalResourceId: 'ring-1',
      ResourceProperties: { version: '2' },
      OldResourceProperties: { version: '1' },
    })
  })

  it('is made anew in another store', async () => {
    await (await deploy(withRing({}))).close()
    await (await deploy(withRing({}), { store: 'http://127.0.0.1:8000' })).close()
    expect(events().map(({ RequestType }) => RequestType)).toEqual(['Create', 'Create'])
  })

  it.each([
    ['fail', 'no key'],
    ['crash', 'the function failed: Error: crashed'],
    ['silent', 'the function returned without an answer to ResponseURL'],
  ])('fails the deployment when its function does: %s', async (how, reason) => {
    await expect(deploy(withRing({ [how]: true }))).rejects.toThrow(
      `AWS::CloudFormation::CustomResource Ring: ${reason}`,
    )
  })

  it('is made at the next start when it failed', async () => {
    await expect(deploy(withRing({ fail: true }))).rejects.toThrow('no key')
    await deploy(withRing({}))
    expect(events().map(({ RequestType }) => RequestType)).toEqual(['Create', 'Create'])
  })

  it('must name a function of the stack, or of one before it', async () => {
    await expect(deploy(withRing({ ServiceToken: 'arn:aws:lambda:x' }))).rejects.toThrow(
      'the property ServiceToken names no function that is deployed',
    )
  })
})
