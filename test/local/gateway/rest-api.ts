import type { UsagePlans } from '../../../local/api-gateway/usage-plans.ts'
import type { StackResource } from '../../../local/cloud-assembly.ts'
import { InvokePermissions } from '../../../local/gateway/invoke-permission.ts'
import { readRestApi } from '../../../local/gateway/rest/definition.ts'
import { RestGateway } from '../../../local/gateway/rest/gateway.ts'
import { listen } from '../../../local/gateway/server.ts'
import { TokenBucket } from '../../../local/gateway/throttle.ts'
import { Intrinsics } from '../../../local/intrinsics.ts'
import { accountId, apiId, region, resource, run, sendRaw, type TestFunction } from './http-api.ts'

const backendArn = `arn:aws:lambda:${region}:${accountId}:function:backend`
const authorizerArn = `arn:aws:lambda:${region}:${accountId}:function:authorizer`
const uri = (arn: string) =>
  `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arn}/invocations`

export interface TestRestApiSetup {
  /** By method and path, `GET /orders/{id}`; the value says how the method is authorised. */
  methods: Record<string, 'NONE' | 'CUSTOM'>
  backend?: TestFunction
  authorizer?: TestFunction
  /** Properties of the authorizer, above TTL 0 and the Authorization header. */
  authorizerProperties?: Record<string, unknown>
  methodProperties?: Record<string, unknown>
  stageProperties?: Record<string, unknown>
  /** `AWS::ApiGateway::GatewayResponse` resources. */
  responses?: Record<string, unknown>[]
  permissions?: ('backend' | 'authorizer')[]
  timeoutMilliseconds?: number
  apiKeySource?: 'HEADER' | 'AUTHORIZER'
  /** @default - no key is known */
  usagePlans?: Pick<UsagePlans, 'admit'>
}

/** A REST API made of template resources, stage `prod`, with the gateway and its server, and functions of the test. */
export async function startRestApi(setup: TestRestApiSetup) {
  // biome-ignore lint/suspicious/noExplicitAny: events are looked at member by member
  const [backendEvents, authorizerEvents]: any[][] = [[], []]
  const problems: string[] = []
  const permissions = new InvokePermissions(accountId)
  const intrinsics = new Intrinsics({ accountId, region, stackName: 'Test' })
  const resources = resourcesOf(setup)
  for (const { logicalId } of resources) intrinsics.define(logicalId, { ref: logicalId })
  const source = `arn:aws:execute-api:${region}:${accountId}:${apiId}`
  for (const [name, arn, SourceArn] of [
    ['backend', backendArn, `${source}/prod/*/*`],
    ['authorizer', authorizerArn, `${source}/authorizers/Authorizer`],
  ] as const) {
    const properties = { Action: 'lambda:InvokeFunction', FunctionName: arn, SourceArn }
    const permission = resource('AWS::Lambda::Permission', 'Permission', {
      ...properties,
      Principal: 'apigateway.amazonaws.com',
    })
    if (setup.permissions?.includes(name) ?? true) permissions.add(permission, intrinsics, found => found)
  }
  const server = await listen({ host: '127.0.0.1', port: 0 })
  const parts = readRestApi(apiId, 'root', resources, intrinsics)
  const gateway = new RestGateway(
    { ...parts, apiKeySource: setup.apiKeySource ?? 'HEADER' },
    {
      accountId,
      region,
      domainName: `127.0.0.1:${server.port}`,
      permissions,
      accountBucket: new TokenBucket({ rateLimit: 10_000, burstLimit: 5_000 }),
      invoke: (arn, event) => {
        const isAuthorizer = arn === authorizerArn
        const parsed = JSON.parse(event)
        ;(isAuthorizer ? authorizerEvents : backendEvents)?.push(parsed)
        return run(isAuthorizer ? setup.authorizer : setup.backend, parsed)
      },
      usagePlans: setup.usagePlans ?? { admit: () => ({ refusal: 'INVALID_API_KEY' }) },
      onProblem: ({ message }) => problems.push(message),
      authorizerTimeoutMilliseconds: setup.timeoutMilliseconds,
    },
  )
  server.serve(request => gateway.handle(request))
  return {
    url: `http://127.0.0.1:${server.port}/prod`,
    backendEvents: backendEvents ?? [],
    authorizerEvents: authorizerEvents ?? [],
    problems,
    raw: (request: string) => sendRaw(server.port, request),
    close: () => server.close(),
  }
}

function resourcesOf(setup: TestRestApiSetup): StackResource[] {
  const paths = [...new Set(Object.keys(setup.methods).map(key => key.split(' ')[1] ?? ''))]
  const prefixes = [...new Set(paths.flatMap(prefixesOf))]
  const idOf = (path: string) => (path === '' ? 'root' : `Resource${prefixes.indexOf(path)}`)
  const part = (type: string, logicalId: string, properties: Record<string, unknown>) =>
    resource(`AWS::ApiGateway::${type}`, logicalId, { RestApiId: apiId, ...properties })
  return [
    part('Deployment', 'Deployment', {}),
    part('Stage', 'Stage', {
      DeploymentId: { Ref: 'Deployment' },
      StageName: 'prod',
      ...setup.stageProperties,
    }),
    part('Authorizer', 'Authorizer', {
      Type: 'REQUEST',
      AuthorizerUri: uri(authorizerArn),
      AuthorizerResultTtlInSeconds: 0,
      IdentitySource: 'method.request.header.Authorization',
      ...setup.authorizerProperties,
    }),
    ...prefixes.map(path =>
      part('Resource', idOf(path), {
        ParentId: idOf(path.slice(0, path.lastIndexOf('/'))),
        PathPart: path.slice(path.lastIndexOf('/') + 1),
      }),
    ),
    ...Object.entries(setup.methods).map(([key, AuthorizationType], index) => {
      const [HttpMethod = '', path = ''] = key.split(' ')
      return part('Method', `Method${index}`, {
        HttpMethod,
        ResourceId: idOf(path === '/' ? '' : path),
        AuthorizationType,
        ...(AuthorizationType === 'CUSTOM' && { AuthorizerId: { Ref: 'Authorizer' } }),
        Integration: { Type: 'AWS_PROXY', IntegrationHttpMethod: 'POST', Uri: uri(backendArn) },
        ...setup.methodProperties,
      })
    }),
    ...(setup.responses ?? []).map((properties, index) =>
      part('GatewayResponse', `Response${index}`, properties),
    ),
  ]
}

/** `/a/b` -> `/a`, `/a/b`. */
function prefixesOf(path: string): string[] {
  const parts = path.split('/').slice(1)
  return parts.filter(part => part !== '').map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
}
