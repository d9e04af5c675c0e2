import type { StackResource } from '../cloud-assembly.ts'
import { type PropertyReader, readProperties } from '../deployment/properties.ts'
import type { Intrinsics } from '../intrinsics.ts'
import { JwtAuthorizer } from './jwt-authorizer.ts'
import { LambdaAuthorizer } from './lambda-authorizer.ts'
import { bySpecificity, parseRouteKey, type RoutePattern } from './route-selection.ts'
import { accountThrottleLimits, type ThrottleLimits } from './throttle.ts'

/** One HTTP API, everything that its template says about it resolved. */
export interface HttpApi {
  id: string
  /** Sorted: the first match is the route to take. */
  routes: Route[]
  stages: Stage[]
}

export interface Route extends RoutePattern {
  authorization:
    | { type: 'NONE' }
    | { type: 'AWS_IAM' }
    | { type: 'CUSTOM'; authorizer: LambdaAuthorizer }
    | { type: 'JWT'; authorizer: JwtAuthorizer; scopes: readonly string[] }
  integration: Integration
}

/** A Lambda proxy integration, payload format 2.0. */
export interface Integration {
  functionArn: string
  timeoutMilliseconds: number
}

export interface Stage {
  /** `$default` or the first segment of the paths it serves. */
  name: string
  variables: Record<string, string> | undefined
  /** Of every route that has no limits of its own. */
  defaultLimits: ThrottleLimits | undefined
  limitsByRouteKey: Map<string, ThrottleLimits>
}

/** Types of resources that make up an HTTP API, beside the API itself. */
export const apiPartTypes = [
  'AWS::ApiGatewayV2::Authorizer',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
] as const

/**
 * Checks an `AWS::ApiGatewayV2::Api` and says what it is called.
 *
 * @throws where it is no HTTP API, or has a property that the local run does not know (`CorsConfiguration`, ...)
 */
export function readApiName(resource: StackResource, intrinsics: Intrinsics): string {
  const reader = readProperties(resource, intrinsics, {
    used: ['DisableExecuteApiEndpoint', 'Name', 'ProtocolType', 'RouteSelectionExpression'],
    withoutEffect: ['Description', 'IpAddressType', 'Tags'],
  })
  reader.expect('ProtocolType', ['HTTP'])
  reader.expect('DisableExecuteApiEndpoint', [undefined, false, 'false'])
  reader.expect('RouteSelectionExpression', [undefined, '$request.method $request.path'])
  return reader.text('Name')
}

/**
 * Puts an API together from the resources that name it by `ApiId`.
 *
 * @throws where one of them has a property or a value that the local run does not know
 */
export function readApi(id: string, resources: readonly StackResource[], intrinsics: Intrinsics): HttpApi {
  const parts = (type: (typeof apiPartTypes)[number]) =>
    resources.filter(
      resource => resource.type === type && intrinsics.resolve(resource.properties.ApiId) === id,
    )
  const idOf = (resource: StackResource) => String(intrinsics.resolve({ Ref: resource.logicalId }))
  const authorizers = new Map(
    parts('AWS::ApiGatewayV2::Authorizer').map(part => [
      idOf(part),
      readAuthorizer(idOf(part), part, intrinsics),
    ]),
  )
  const integrations = new Map(
    parts('AWS::ApiGatewayV2::Integration').map(part => [idOf(part), readIntegration(part, intrinsics)]),
  )
  const routes = parts('AWS::ApiGatewayV2::Route').map(part =>
    readRoute(part, intrinsics, authorizers, integrations),
  )
  const stages = parts('AWS::ApiGatewayV2::Stage').map(part => readStage(part, intrinsics))
  return { id, routes: bySpecificity(routes), stages }
}

function readRoute(
  resource: StackResource,
  intrinsics: Intrinsics,
  authorizers: Map<string, LambdaAuthorizer | JwtAuthorizer>,
  integrations: Map<string, Integration>,
): Route {
  const reader = readProperties(resource, intrinsics, {
    used: [
      'ApiId',
      'ApiKeyRequired',
      'AuthorizationScopes',
      'AuthorizationType',
      'AuthorizerId',
      'RouteKey',
      'Target',
    ],
    withoutEffect: ['OperationName'],
  })
  reader.expect('ApiKeyRequired', [undefined, false, 'false'])
  const integration = integrations.get(reader.text('Target').replace(/^integrations\//, ''))
  if (integration === undefined) throw reader.error('Target', 'names no integration of the API')
  return {
    ...parseRouteKey(reader.text('RouteKey')),
    authorization: readAuthorization(reader, authorizers),
    integration,
  }
}

function readAuthorization(
  reader: PropertyReader,
  authorizers: Map<string, LambdaAuthorizer | JwtAuthorizer>,
): Route['authorization'] {
  reader.expect('AuthorizationType', [undefined, 'NONE', 'AWS_IAM', 'CUSTOM', 'JWT'])
  const type = reader.optionalText('AuthorizationType')
  const scopes = reader.textList('AuthorizationScopes')
  if (scopes.length > 0 && type !== 'JWT')
    throw reader.error('AuthorizationScopes', 'is read by authorizers of type JWT alone')
  if (type === 'AWS_IAM') return { type }
  if (type !== 'CUSTOM' && type !== 'JWT') return { type: 'NONE' }
  const authorizer = authorizers.get(reader.text('AuthorizerId'))
  if (type === 'CUSTOM' && authorizer instanceof LambdaAuthorizer) return { type, authorizer }
  if (type === 'JWT' && authorizer instanceof JwtAuthorizer) return { type, authorizer, scopes }
  throw reader.error('AuthorizerId', `names no authorizer of the API for ${type}`)
}

function readIntegration(resource: StackResource, intrinsics: Intrinsics): Integration {
  const reader = readProperties(resource, intrinsics, {
    used: [
      'ApiId',
      'ConnectionType',
      'IntegrationMethod',
      'IntegrationType',
      'IntegrationUri',
      'PayloadFormatVersion',
      'TimeoutInMillis',
    ],
    withoutEffect: ['Description'],
  })
  reader.expect('IntegrationType', ['AWS_PROXY'])
  reader.expect('PayloadFormatVersion', ['2.0'])
  reader.expect('IntegrationMethod', [undefined, 'POST'])
  reader.expect('ConnectionType', [undefined, 'INTERNET'])
  return {
    functionArn: functionArnOf(reader, 'IntegrationUri'),
    timeoutMilliseconds: reader.optionalNumber('TimeoutInMillis') ?? 30_000,
  }
}

function readAuthorizer(
  id: string,
  resource: StackResource,
  intrinsics: Intrinsics,
): LambdaAuthorizer | JwtAuthorizer {
  return resource.properties.AuthorizerType === 'JWT'
    ? readJwtAuthorizer(id, resource, intrinsics)
    : readLambdaAuthorizer(id, resource, intrinsics)
}

function readJwtAuthorizer(id: string, resource: StackResource, intrinsics: Intrinsics): JwtAuthorizer {
  const reader = readProperties(resource, intrinsics, {
    used: ['ApiId', 'AuthorizerType', 'IdentitySource', 'JwtConfiguration'],
    withoutEffect: ['Name'],
  })
  const [identitySource, ...more] = reader.textList('IdentitySource')
  if (identitySource === undefined || more.length > 0)
    throw reader.error('IdentitySource', 'must be one expression')
  const token = reader.group('JwtConfiguration', { used: ['Audience', 'Issuer'] })
  if (token === undefined) throw reader.error('JwtConfiguration', 'is missing')
  return new JwtAuthorizer({
    id,
    identitySource,
    issuer: token.text('Issuer'),
    audience: token.textList('Audience'),
  })
}

function readLambdaAuthorizer(id: string, resource: StackResource, intrinsics: Intrinsics): LambdaAuthorizer {
  const reader = readProperties(resource, intrinsics, {
    used: [
      'ApiId',
      'AuthorizerPayloadFormatVersion',
      'AuthorizerResultTtlInSeconds',
      'AuthorizerType',
      'AuthorizerUri',
      'EnableSimpleResponses',
      'IdentitySource',
    ],
    withoutEffect: ['Name'],
  })
  reader.expect('AuthorizerType', ['REQUEST'])
  reader.expect('AuthorizerPayloadFormatVersion', ['2.0'])
  const timeToLiveSeconds = reader.optionalNumber('AuthorizerResultTtlInSeconds')
  if (timeToLiveSeconds === undefined)
    throw reader.error('AuthorizerResultTtlInSeconds', 'is missing: say how long decisions are cached')
  if (timeToLiveSeconds < 0 || timeToLiveSeconds > 3600)
    throw reader.error('AuthorizerResultTtlInSeconds', 'must be between 0 and 3600')
  const identitySource = reader.textList('IdentitySource')
  if (timeToLiveSeconds > 0 && identitySource.length === 0)
    throw reader.error('IdentitySource', 'is missing: decisions are cached under it')
  return new LambdaAuthorizer({
    id,
    functionArn: functionArnOf(reader, 'AuthorizerUri'),
    identitySource,
    timeToLiveSeconds,
    simpleResponses: reader.boolean('EnableSimpleResponses'),
  })
}

function readStage(resource: StackResource, intrinsics: Intrinsics): Stage {
  const reader = readProperties(resource, intrinsics, {
    used: ['ApiId', 'AutoDeploy', 'DefaultRouteSettings', 'RouteSettings', 'StageName', 'StageVariables'],
    withoutEffect: ['AccessLogSettings', 'Description', 'Tags'],
  })
  reader.expect('AutoDeploy', [true, 'true'])
  const variables = reader.entries('StageVariables').map(([name, value]) => [name, String(value)])
  const routeKeys = reader.entries('RouteSettings').map(([routeKey]) => routeKey)
  const settings = reader.group('RouteSettings', { used: routeKeys })
  const limitsByRouteKey = new Map<string, ThrottleLimits>()
  for (const routeKey of routeKeys) {
    const limits = settings === undefined ? undefined : readLimits(settings, routeKey)
    if (limits !== undefined) limitsByRouteKey.set(routeKey, limits)
  }
  return {
    name: reader.text('StageName'),
    variables: variables.length === 0 ? undefined : Object.fromEntries(variables),
    defaultLimits: readLimits(reader, 'DefaultRouteSettings'),
    limitsByRouteKey,
  }
}

function readLimits(reader: PropertyReader, name: string): ThrottleLimits | undefined {
  const settings = reader.group(name, {
    used: ['ThrottlingBurstLimit', 'ThrottlingRateLimit'],
    withoutEffect: ['DetailedMetricsEnabled'],
  })
  const burstLimit = settings?.optionalNumber('ThrottlingBurstLimit')
  const rateLimit = settings?.optionalNumber('ThrottlingRateLimit')
  if (burstLimit === undefined && rateLimit === undefined) return undefined
  return {
    burstLimit: burstLimit ?? accountThrottleLimits.burstLimit,
    rateLimit: rateLimit ?? accountThrottleLimits.rateLimit,
  }
}

/** A function's ARN, given as such or as the invocation URI that API Gateway documents. */
export function functionArnOf(reader: PropertyReader, name: string): string {
  const uri = reader.text(name)
  const arn = /(?:^|\/functions\/)(arn:aws:lambda:[^/]+:function:[^/:]+)(?:\/invocations)?$/.exec(uri)?.[1]
  if (arn === undefined) throw reader.error(name, 'names no Lambda function')
  return arn
}
