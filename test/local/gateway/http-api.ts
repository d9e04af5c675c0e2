import { once } from 'node:events'
import { connect } from 'node:net'
import type { StackResource } from '../../../local/cloud-assembly.ts'
import type { InvocationOutcome } from '../../../local/functions/process.ts'
import { readApi } from '../../../local/gateway/api.ts'
import { Gateway } from '../../../local/gateway/gateway.ts'
import { InvokePermissions } from '../../../local/gateway/invoke-permission.ts'
import { listen } from '../../../local/gateway/server.ts'
import { TokenBucket } from '../../../local/gateway/throttle.ts'
import { Intrinsics } from '../../../local/intrinsics.ts'

export const accountId = '123456789012'
export const region = 'eu-west-1'
export const apiId = 'abcdefghij'
const backendArn = `arn:aws:lambda:${region}:${accountId}:function:backend`
const authorizerArn = `arn:aws:lambda:${region}:${accountId}:function:authorizer`

/** A function of the test: gets the event, its result is the function's; what it throws fails the invocation. */
// biome-ignore lint/suspicious/noExplicitAny: events are looked at member by member
export type TestFunction = (event: any) => unknown

export interface TestApiSetup {
  /** By route key; the value says how the route is authorised. */
  routes: Record<string, 'NONE' | 'AWS_IAM' | 'CUSTOM'>
  backend?: TestFunction
  authorizer?: TestFunction
  /** Properties of the authorizer resource, above simple responses, TTL 0 and the Authorization header. */
  authorizerProperties?: Record<string, unknown>
  integrationProperties?: Record<string, unknown>
  /** Properties of stages, above auto-deployment; one stage `$default` when absent. */
  stages?: Record<string, unknown>[]
  permissions?: ('backend' | 'authorizer')[]
  authorizerTimeoutMilliseconds?: number
  accountBucket?: TokenBucket
}

export interface TestApi {
  url: string
  port: number
  /** Events that reached the functions. */
  // biome-ignore lint/suspicious/noExplicitAny: events are looked at member by member
  backendEvents: any[]
  // biome-ignore lint/suspicious/noExplicitAny: events are looked at member by member
  authorizerEvents: any[]
  problems: string[]
  /** Sends a request text as it is and gives the status code, the headers' text and the body. */
  raw(request: string): Promise<{ status: number; head: string; body: string }>
  close(): Promise<void>
}

/** An HTTP API made of template resources, with the gateway and its server, and functions of the test. */
export async function startApi(setup: TestApiSetup): Promise<TestApi> {
  const backendEvents: unknown[] = []
  const authorizerEvents: unknown[] = []
  const problems: string[] = []
  const permissions = new InvokePermissions(accountId)
  const intrinsics = new Intrinsics({ accountId, region, stackName: 'Test' })
  const resources = resourcesOf(setup)
  for (const { logicalId } of resources) intrinsics.define(logicalId, { ref: logicalId })
  const source = `arn:aws:execute-api:${region}:${accountId}:${apiId}`
  const granted = setup.permissions ?? ['backend', 'authorizer']
  if (granted.includes('backend')) permit(backendArn, `${source}/*/*`)
  if (granted.includes('authorizer')) permit(authorizerArn, `${source}/authorizers/Authorizer`)

  function permit(FunctionName: string, SourceArn: string) {
    const properties = {
      Action: 'lambda:InvokeFunction',
      FunctionName,
      Principal: 'apigateway.amazonaws.com',
      SourceArn,
    }
    permissions.add(resource('AWS::Lambda::Permission', 'Permission', properties), intrinsics, arn => arn)
  }

  const server = await listen({ host: '127.0.0.1', port: 0 })
  const gateway = new Gateway(readApi(apiId, resources, intrinsics), {
    accountId,
    region,
    domainName: `127.0.0.1:${server.port}`,
    permissions,
    accountBucket: setup.accountBucket ?? new TokenBucket({ rateLimit: 10_000, burstLimit: 5_000 }),
    invoke: (arn, event) => {
      const isAuthorizer = arn === authorizerArn
      const parsed = JSON.parse(event)
      ;(isAuthorizer ? authorizerEvents : backendEvents).push(parsed)
      return run(isAuthorizer ? setup.authorizer : setup.backend, parsed)
    },
    onProblem: ({ message }) => problems.push(message),
    authorizerTimeoutMilliseconds: setup.authorizerTimeoutMilliseconds,
  })
  server.serve(request => gateway.handle(request))
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    backendEvents,
    authorizerEvents,
    problems,
    raw: request => sendRaw(server.port, request),
    close: () => server.close(),
  }
}

/** What a test compares of a response. */
export async function answerOf(pending: Promise<Response>) {
  const response = await pending
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: await response.text(),
  }
}

export async function run(handler: TestFunction | undefined, event: unknown): Promise<InvocationOutcome> {
  try {
    return { payload: JSON.stringify((await handler?.(event)) ?? null) }
  } catch (error) {
    const { name, message } = error as Error
    return { failure: { errorType: name, errorMessage: message, trace: [] } }
  }
}

function resourcesOf(setup: TestApiSetup): StackResource[] {
  const integration = {
    ApiId: apiId,
    IntegrationType: 'AWS_PROXY',
    IntegrationUri: backendArn,
    PayloadFormatVersion: '2.0',
    ...setup.integrationProperties,
  }
  const authorizer = {
    ApiId: apiId,
    AuthorizerPayloadFormatVersion: '2.0',
    AuthorizerResultTtlInSeconds: 0,
    AuthorizerType: 'REQUEST',
    AuthorizerUri: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${authorizerArn}/invocations`,
    EnableSimpleResponses: true,
    IdentitySource: ['$request.header.Authorization'],
    Name: 'authorizer',
    ...setup.authorizerProperties,
  }
  const stages = setup.stages ?? [{ StageName: '$default' }]
  return [
    resource('AWS::ApiGatewayV2::Integration', 'Integration', integration),
    resource('AWS::ApiGatewayV2::Authorizer', 'Authorizer', authorizer),
    ...stages.map((stage, index) =>
      resource('AWS::ApiGatewayV2::Stage', `Stage${index}`, { ApiId: apiId, AutoDeploy: true, ...stage }),
    ),
    ...Object.entries(setup.routes).map(([RouteKey, AuthorizationType], index) =>
      resource('AWS::ApiGatewayV2::Route', `Route${index}`, {
        ApiId: apiId,
        RouteKey,
        AuthorizationType,
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
        ...(AuthorizationType === 'CUSTOM' ? { AuthorizerId: { Ref: 'Authorizer' } } : {}),
      }),
    ),
  ]
}

export function resource(
  type: string,
  logicalId: string,
  properties: Record<string, unknown>,
): StackResource {
  return { type, logicalId, properties, path: logicalId, dependsOn: [] }
}

export async function sendRaw(port: number, request: string) {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(request)
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString()
  const [head = '', ...body] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body: body.join('\r\n\r\n') }
}
