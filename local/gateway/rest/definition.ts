import type { StackResource } from '../../cloud-assembly.ts'
import { type PropertyReader, readProperties } from '../../deployment/properties.ts'
import type { Intrinsics } from '../../intrinsics.ts'
import { functionArnOf, type Integration } from '../api.ts'
import { accountThrottleLimits, type ThrottleLimits } from '../throttle.ts'
import { RestAuthorizer } from './authorizer.ts'
import { type GatewayResponses, readGatewayResponses } from './gateway-responses.ts'

/** One REST API, everything that its template says about it resolved. */
export interface RestApi {
  id: string
  resources: readonly RestResource[]
  stages: readonly RestStage[]
  responses: GatewayResponses
  /** Where the API keys of requests come from: the header `x-api-key`, or the authorizer's answer. */
  apiKeySource: 'HEADER' | 'AUTHORIZER'
}

export interface RestResource {
  id: string
  /** `/orders/{id}`, `/` for the root. */
  path: string
  parts: readonly string[]
  /** By HTTP method or `ANY`. */
  methods: ReadonlyMap<string, RestMethod>
}

export interface RestMethod {
  authorizer: RestAuthorizer | undefined
  apiKeyRequired: boolean
  integration: Integration
}

export interface RestStage {
  name: string
  variables: Record<string, string> | undefined
  limits: ThrottleLimits | undefined
}

/** Types of resources that make up a REST API, beside the API itself. */
export const restPartTypes = [
  'AWS::ApiGateway::Authorizer',
  'AWS::ApiGateway::Deployment',
  'AWS::ApiGateway::GatewayResponse',
  'AWS::ApiGateway::Method',
  'AWS::ApiGateway::Resource',
  'AWS::ApiGateway::Stage',
] as const

/**
 * Checks an `AWS::ApiGateway::RestApi`, and says what it is called and where its API keys come from.
 *
 * @throws where it has a property that the local run does not know (`Body`, `BinaryMediaTypes`, `Policy`, ...)
 */
export function readRestApiSettings(
  resource: StackResource,
  intrinsics: Intrinsics,
): Pick<RestApi, 'apiKeySource'> & { name: string } {
  const reader = readProperties(resource, intrinsics, {
    used: ['ApiKeySourceType', 'DisableExecuteApiEndpoint', 'EndpointConfiguration', 'Name'],
    withoutEffect: ['Description', 'Tags'],
  })
  reader.expect('DisableExecuteApiEndpoint', [undefined, false, 'false'])
  reader.expect('ApiKeySourceType', [undefined, 'HEADER', 'AUTHORIZER'])
  reader.group('EndpointConfiguration', { used: [], withoutEffect: ['Types'] })
  const apiKeySource = reader.optionalText('ApiKeySourceType') === 'AUTHORIZER' ? 'AUTHORIZER' : 'HEADER'
  return { name: reader.text('Name'), apiKeySource }
}

/**
 * Puts a REST API together from the resources that name it by `RestApiId`. What is deployed is what the template has:
 * a deployment has no content of its own.
 *
 * @throws where one of them has a property or a value that the local run does not know
 */
export function readRestApi(
  id: string,
  rootResourceId: string,
  all: readonly StackResource[],
  intrinsics: Intrinsics,
): Omit<RestApi, 'apiKeySource'> {
  const parts = (type: (typeof restPartTypes)[number]) =>
    all.filter(resource => resource.type === type && intrinsics.resolve(resource.properties.RestApiId) === id)
  const idOf = (resource: StackResource) => String(intrinsics.resolve({ Ref: resource.logicalId }))
  for (const part of parts('AWS::ApiGateway::Deployment'))
    readProperties(part, intrinsics, { used: ['RestApiId'], withoutEffect: ['Description'] })
  const authorizers = new Map(
    parts('AWS::ApiGateway::Authorizer').map(part => [
      idOf(part),
      readAuthorizer(idOf(part), part, intrinsics),
    ]),
  )
  const paths = readPaths(rootResourceId, parts('AWS::ApiGateway::Resource'), intrinsics, idOf)
  const methods = parts('AWS::ApiGateway::Method').map(part => readMethod(part, intrinsics, authorizers))
  return {
    id,
    resources: [...paths].map(([resourceId, path]) => ({
      id: resourceId,
      path,
      parts: path.split('/').filter(part => part !== ''),
      methods: new Map(
        methods
          .filter(method => method.resourceId === resourceId)
          .map(({ httpMethod, ...method }) => [httpMethod, method]),
      ),
    })),
    stages: parts('AWS::ApiGateway::Stage').map(part => readStage(part, intrinsics)),
    responses: readGatewayResponses(parts('AWS::ApiGateway::GatewayResponse'), intrinsics),
  }
}

/** The path of each resource by its id: a parent comes before its children in no particular order. */
function readPaths(
  rootResourceId: string,
  resources: readonly StackResource[],
  intrinsics: Intrinsics,
  idOf: (resource: StackResource) => string,
): Map<string, string> {
  const read = resources.map(resource => {
    const reader = readProperties(resource, intrinsics, { used: ['ParentId', 'PathPart', 'RestApiId'] })
    return { id: idOf(resource), parentId: reader.text('ParentId'), part: reader.text('PathPart'), reader }
  })
  const paths = new Map([[rootResourceId, '/']])
  const pathOf = (id: string): string | undefined => {
    const known = paths.get(id)
    const resource = read.find(each => each.id === id)
    if (known !== undefined || resource === undefined) return known
    const parent = pathOf(resource.parentId)
    if (parent === undefined) throw resource.reader.error('ParentId', 'names no resource of the API')
    const path = `${parent === '/' ? '' : parent}/${resource.part}`
    paths.set(id, path)
    return path
  }
  for (const { id } of read) pathOf(id)
  return paths
}

function readMethod(
  resource: StackResource,
  intrinsics: Intrinsics,
  authorizers: Map<string, RestAuthorizer>,
): RestMethod & { resourceId: string; httpMethod: string } {
  const reader = readProperties(resource, intrinsics, {
    used: [
      'ApiKeyRequired',
      'AuthorizationType',
      'AuthorizerId',
      'HttpMethod',
      'Integration',
      'ResourceId',
      'RestApiId',
    ],
    withoutEffect: ['OperationName'],
  })
  reader.expect('AuthorizationType', ['NONE', 'CUSTOM'])
  const isOpen = reader.text('AuthorizationType') === 'NONE'
  const authorizer = isOpen ? undefined : authorizers.get(reader.text('AuthorizerId'))
  if (!isOpen && authorizer === undefined)
    throw reader.error('AuthorizerId', 'names no authorizer of the API')
  return {
    resourceId: reader.text('ResourceId'),
    httpMethod: reader.text('HttpMethod'),
    authorizer,
    apiKeyRequired: reader.boolean('ApiKeyRequired'),
    integration: readIntegration(reader),
  }
}

function readIntegration(reader: PropertyReader): Integration {
  const integration = reader.group('Integration', {
    used: ['IntegrationHttpMethod', 'TimeoutInMillis', 'Type', 'Uri'],
  })
  if (integration === undefined) throw reader.error('Integration', 'is missing')
  integration.expect('Type', ['AWS_PROXY'])
  integration.expect('IntegrationHttpMethod', ['POST'])
  return {
    functionArn: functionArnOf(integration, 'Uri'),
    timeoutMilliseconds: integration.optionalNumber('TimeoutInMillis') ?? 29_000,
  }
}

function readAuthorizer(id: string, resource: StackResource, intrinsics: Intrinsics): RestAuthorizer {
  const reader = readProperties(resource, intrinsics, {
    used: ['AuthorizerResultTtlInSeconds', 'AuthorizerUri', 'IdentitySource', 'RestApiId', 'Type'],
    withoutEffect: ['Name'],
  })
  reader.expect('Type', ['REQUEST'])
  const timeToLiveSeconds = reader.optionalNumber('AuthorizerResultTtlInSeconds') ?? 300
  if (timeToLiveSeconds < 0 || timeToLiveSeconds > 3600)
    throw reader.error('AuthorizerResultTtlInSeconds', 'must be between 0 and 3600')
  const identitySource = reader.optionalText('IdentitySource')?.split(',') ?? []
  if (timeToLiveSeconds > 0 && identitySource.length === 0)
    throw reader.error('IdentitySource', 'is missing: decisions are cached under it')
  return new RestAuthorizer({
    id,
    functionArn: functionArnOf(reader, 'AuthorizerUri'),
    identitySource,
    timeToLiveSeconds,
  })
}

function readStage(resource: StackResource, intrinsics: Intrinsics): RestStage {
  const reader = readProperties(resource, intrinsics, {
    used: ['DeploymentId', 'MethodSettings', 'RestApiId', 'StageName', 'Variables'],
    withoutEffect: ['AccessLogSetting', 'Description', 'Tags', 'TracingEnabled'],
  })
  const variables = reader.entries('Variables').map(([name, value]) => [name, String(value)])
  const [settings, ...others] = reader.groups('MethodSettings', {
    used: ['HttpMethod', 'ResourcePath', 'ThrottlingBurstLimit', 'ThrottlingRateLimit'],
    withoutEffect: ['DataTraceEnabled', 'LoggingLevel', 'MetricsEnabled'],
  })
  settings?.expect('HttpMethod', ['*'])
  settings?.expect('ResourcePath', ['/*'])
  if (others.length > 0) throw reader.error('MethodSettings', 'has settings of a method of its own')
  const burstLimit = settings?.optionalNumber('ThrottlingBurstLimit')
  const rateLimit = settings?.optionalNumber('ThrottlingRateLimit')
  return {
    name: reader.text('StageName'),
    variables: variables.length === 0 ? undefined : Object.fromEntries(variables),
    limits:
      burstLimit === undefined && rateLimit === undefined
        ? undefined
        : {
            burstLimit: burstLimit ?? accountThrottleLimits.burstLimit,
            rateLimit: rateLimit ?? accountThrottleLimits.rateLimit,
          },
  }
}
