import { commonLogTime, executeApiArn, hopByHopHeaders } from '../event.ts'
import type { GatewayRequest } from '../request.ts'

/** Where a request arrived: the API, its stage, the chosen resource and method. */
export interface RestRequestScope {
  accountId: string
  region: string
  apiId: string
  /** Host of the API's endpoint. */
  domainName: string
  stage: string
  stageVariables: Record<string, string> | undefined
  httpMethod: string
  /** As it was sent, without the stage. */
  path: string
  resourceId: string
  resourcePath: string
  pathParameters: Record<string, string> | undefined
}

/** The event of a Lambda proxy integration of a REST API, as JSON text. Members that would be empty are null. */
export function integrationEvent(
  request: GatewayRequest,
  scope: RestRequestScope,
  { context, apiKey }: { context?: Record<string, string>; apiKey?: { id: string; value: string } } = {},
): string {
  const { identity, ...about } = requestContext(request, scope)
  return JSON.stringify({
    resource: scope.resourcePath,
    path: scope.path,
    httpMethod: scope.httpMethod,
    ...requestMembers(request),
    pathParameters: scope.pathParameters ?? null,
    stageVariables: scope.stageVariables ?? null,
    requestContext: {
      ...about,
      identity: { ...identity, ...(apiKey && { apiKey: apiKey.value, apiKeyId: apiKey.id }) },
      ...(context !== undefined && { authorizer: context }),
    },
    body: request.body.length > 0 ? request.body.toString('utf8') : null,
    isBase64Encoded: false,
  })
}

/** The event of a Lambda authorizer of type REQUEST, as JSON text. It has no body. */
export function authorizerEvent(request: GatewayRequest, scope: RestRequestScope): string {
  const members = requestMembers(request)
  return JSON.stringify({
    type: 'REQUEST',
    methodArn: methodArn(scope),
    resource: scope.resourcePath,
    path: scope.path,
    httpMethod: scope.httpMethod,
    headers: members.headers,
    multiValueHeaders: members.multiValueHeaders,
    queryStringParameters: members.queryStringParameters ?? {},
    multiValueQueryStringParameters: members.multiValueQueryStringParameters ?? {},
    pathParameters: scope.pathParameters ?? {},
    stageVariables: scope.stageVariables ?? {},
    requestContext: requestContext(request, scope),
  })
}

/** The ARN of the very request: `arn:aws:execute-api:<region>:<account>:<apiId>/<stage>/<METHOD><path>`. */
export function methodArn(scope: RestRequestScope): string {
  return `${executeApiArn(scope)}/${scope.stage}/${scope.httpMethod}${scope.path}`
}

/** Header names as they were sent; of a repeated header or parameter the one list has the last, the other one all. */
function requestMembers(request: GatewayRequest) {
  const multiValueHeaders = grouped(
    Array.from({ length: request.rawHeaders.length / 2 }, (_, index): [string, string] => [
      request.rawHeaders[2 * index] ?? '',
      request.rawHeaders[2 * index + 1] ?? '',
    ]).filter(([name]) => !hopByHopHeaders.includes(name.toLowerCase())),
  )
  const query = [...new URLSearchParams(request.rawQueryString)]
  const multiValueQueryStringParameters = query.length === 0 ? null : grouped(query)
  return {
    headers: lastOf(multiValueHeaders),
    multiValueHeaders,
    queryStringParameters:
      multiValueQueryStringParameters === null ? null : lastOf(multiValueQueryStringParameters),
    multiValueQueryStringParameters,
  }
}

function grouped(pairs: readonly [string, string][]): Record<string, string[]> {
  // Without a prototype: `__proto__` is a possible name.
  const groups: Record<string, string[]> = Object.create(null)
  for (const [name, value] of pairs) groups[name] = [...(groups[name] ?? []), value]
  return groups
}

function lastOf(groups: Record<string, string[]>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(groups).map(([name, values]) => [name, values.at(-1)]))
}

function requestContext(request: GatewayRequest, scope: RestRequestScope) {
  return {
    accountId: scope.accountId,
    apiId: scope.apiId,
    domainName: scope.domainName,
    domainPrefix: scope.domainName.split('.')[0],
    extendedRequestId: request.requestId,
    httpMethod: scope.httpMethod,
    identity: {
      accessKey: null,
      accountId: null,
      caller: null,
      cognitoAuthenticationProvider: null,
      cognitoAuthenticationType: null,
      cognitoIdentityId: null,
      cognitoIdentityPoolId: null,
      principalOrgId: null,
      sourceIp: request.sourceIp,
      user: null,
      userAgent: request.headers['user-agent'] ?? null,
      userArn: null,
    },
    path: `/${scope.stage}${scope.path}`,
    protocol: request.protocol,
    requestId: request.requestId,
    requestTime: commonLogTime(request.receivedAtEpochMilliseconds),
    requestTimeEpoch: request.receivedAtEpochMilliseconds,
    resourceId: scope.resourceId,
    resourcePath: scope.resourcePath,
    stage: scope.stage,
  }
}
