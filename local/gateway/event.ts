import type { GatewayRequest } from './request.ts'

/** Where a request arrived: the API, its stage and the chosen route. */
export interface RequestScope {
  accountId: string
  region: string
  apiId: string
  /** Host of the API's endpoint. */
  domainName: string
  stage: string
  stageVariables: Record<string, string> | undefined
  routeKey: string
  pathParameters: Record<string, string> | undefined
}

/** What authorization adds to `requestContext.authorizer` of the integration's event. */
export type AuthorizerContext = { lambda: unknown } | { iam: Record<string, unknown> } | { jwt: unknown }

// Between two hops, not between client and function (RFC 9110 §7.6.1).
export const hopByHopHeaders: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

const textMediaType = /^(text\/.+|application\/(json|javascript|xml|[^;,\s]+\+(json|xml)))$/

/** The event of a Lambda integration, payload format 2.0, as JSON text. Members that would be empty are absent. */
export function integrationEvent(
  request: GatewayRequest,
  scope: RequestScope,
  authorizer: AuthorizerContext | undefined,
): string {
  const hasBody = request.body.length > 0
  const isBase64Encoded = hasBody && !isText(request.headers['content-type'])
  return JSON.stringify({
    version: '2.0',
    routeKey: scope.routeKey,
    rawPath: request.rawPath,
    rawQueryString: request.rawQueryString,
    cookies: cookiesOf(request),
    headers: forwardedHeaders(request, scope),
    queryStringParameters: request.queryStringParameters,
    requestContext: { ...requestContext(request, scope), authorizer },
    pathParameters: scope.pathParameters,
    body: hasBody ? request.body.toString(isBase64Encoded ? 'base64' : 'utf8') : undefined,
    isBase64Encoded,
    stageVariables: scope.stageVariables,
  })
}

/** The event of a Lambda authorizer of type REQUEST, payload format 2.0, as JSON text. It has no body. */
export function authorizerEvent(
  request: GatewayRequest,
  scope: RequestScope,
  identitySource: readonly string[] | null,
): string {
  return JSON.stringify({
    version: '2.0',
    type: 'REQUEST',
    routeArn: routeArn(request, scope),
    identitySource,
    routeKey: scope.routeKey,
    rawPath: request.rawPath,
    rawQueryString: request.rawQueryString,
    cookies: cookiesOf(request),
    headers: forwardedHeaders(request, scope),
    queryStringParameters: request.queryStringParameters,
    requestContext: requestContext(request, scope),
    pathParameters: scope.pathParameters,
    stageVariables: scope.stageVariables,
  })
}

/** The ARN of the very request: `arn:aws:execute-api:<region>:<account>:<apiId>/<stage>/<METHOD><path>`. */
export function routeArn(request: GatewayRequest, scope: RequestScope): string {
  return `${executeApiArn(scope)}/${scope.stage}/${request.method}${request.rawPath}`
}

/** The ARN of an API as the source of invocations. */
export function executeApiArn(scope: { region: string; accountId: string; apiId: string }): string {
  return `arn:aws:execute-api:${scope.region}:${scope.accountId}:${scope.apiId}`
}

function requestContext(request: GatewayRequest, scope: RequestScope): Record<string, unknown> {
  return {
    accountId: scope.accountId,
    apiId: scope.apiId,
    domainName: scope.domainName,
    domainPrefix: scope.domainName.split('.')[0],
    http: {
      method: request.method,
      path: request.rawPath,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: request.headers['user-agent'] ?? '',
    },
    requestId: request.requestId,
    routeKey: scope.routeKey,
    stage: scope.stage,
    time: commonLogTime(request.receivedAtEpochMilliseconds),
    timeEpoch: request.receivedAtEpochMilliseconds,
  }
}

function forwardedHeaders(request: GatewayRequest, scope: RequestScope): Record<string, string> {
  const headers: Record<string, string> = Object.assign(Object.create(null), request.headers)
  for (const name of hopByHopHeaders) delete headers[name]
  delete headers.cookie
  if (request.body.length > 0) headers['content-length'] = String(request.body.length)
  const earlier = headers['x-forwarded-for']
  headers['x-forwarded-for'] = earlier === undefined ? request.sourceIp : `${earlier}, ${request.sourceIp}`
  headers['x-forwarded-port'] = scope.domainName.split(':')[1] ?? '80'
  headers['x-forwarded-proto'] = 'http'
  return headers
}

function cookiesOf(request: GatewayRequest): string[] | undefined {
  const cookies = request.headers.cookie
    ?.split(/[;,]/)
    .map(cookie => cookie.trim())
    .filter(cookie => cookie !== '')
  return cookies === undefined || cookies.length === 0 ? undefined : cookies
}

function isText(contentType: string | undefined): boolean {
  const mediaType = (contentType ?? '').split(';')[0] ?? ''
  return textMediaType.test(mediaType.trim().toLowerCase())
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `12/Mar/2020:19:03:58 +0000`. */
export function commonLogTime(epochMilliseconds: number): string {
  const iso = new Date(epochMilliseconds).toISOString()
  return `${iso.slice(8, 10)}/${months[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}
