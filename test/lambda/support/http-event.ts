import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda'

/** What of an HTTP API event a test says; the rest is as the gateway sends it. */
export interface EventParts {
  readonly routeKey: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly isBase64Encoded?: boolean
  readonly query?: Record<string, string>
  readonly parameters?: Record<string, string>
  readonly sourceIp?: string
}

export const requestId = 'JKJaXmPLvHcESHA='

/** An HTTP API event, payload format 2.0. */
export function httpEvent(parts: EventParts): APIGatewayProxyEventV2 {
  const { routeKey, headers = {}, body, isBase64Encoded = false, query, parameters } = parts
  const [method = '', path = ''] = routeKey.split(' ')
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: new URLSearchParams(query).toString(),
    headers,
    ...(query === undefined ? {} : { queryStringParameters: query }),
    ...(parameters === undefined ? {} : { pathParameters: parameters }),
    ...(body === undefined ? {} : { body }),
    isBase64Encoded,
    requestContext: {
      accountId: '000000000000',
      apiId: 'a1b2c3d4e5',
      domainName: 'a1b2c3d4e5.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'a1b2c3d4e5',
      http: {
        method: method === 'ANY' ? 'POST' : method,
        path,
        protocol: 'HTTP/1.1',
        sourceIp: parts.sourceIp ?? '192.0.2.7',
        userAgent: 'tests',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: '02/Jan/2026:03:04:05 +0000',
      timeEpoch: 1_767_323_045_000,
    },
  }
}

export const adminArn = 'arn:aws:sts::000000000000:assumed-role/Operator/alice'

/** As `httpEvent`, from a caller that IAM has authorised. */
export function adminEvent(parts: EventParts): APIGatewayProxyEventV2WithIAMAuthorizer {
  const event = httpEvent(parts)
  const iam = {
    accessKey: 'AKIAEXAMPLE',
    accountId: '000000000000',
    userArn: adminArn,
    userId: 'AROAEXAMPLE',
  }
  return { ...event, requestContext: { ...event.requestContext, authorizer: { iam } } } as never
}

/** The event of a Lambda authorizer of an HTTP API, payload format 2.0. */
export function authorizerEvent(routeKey: string, authorization?: string) {
  const headers = { host: 'orders.example.com', ...(authorization === undefined ? {} : { authorization }) }
  const { requestContext, rawPath, rawQueryString } = httpEvent({ routeKey })
  return {
    version: '2.0',
    type: 'REQUEST',
    routeArn: 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/$default/GET/orders',
    identitySource: authorization === undefined ? [] : [authorization],
    routeKey,
    rawPath,
    rawQueryString,
    headers,
    requestContext,
  }
}

/** The event of a REQUEST authorizer of a REST API. */
export function restAuthorizerEvent(
  method: string,
  resource: string,
  authorization?: string,
  path = resource,
) {
  const headers: Record<string, string> = {
    Host: 'orders.example.com',
    ...(authorization === undefined ? {} : { Authorization: authorization }),
  }
  return {
    type: 'REQUEST',
    methodArn: `arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/${method}${path}`,
    resource,
    path,
    httpMethod: method,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    queryStringParameters: {},
    multiValueQueryStringParameters: {},
    pathParameters: {},
    stageVariables: {},
    requestContext: {
      accountId: '000000000000',
      apiId: 'a1b2c3d4e5',
      httpMethod: method,
      identity: { sourceIp: '192.0.2.7' },
      path: `/prod${path}`,
      requestId,
      resourceId: 'r1s2t3',
      resourcePath: resource,
      stage: 'prod',
    },
  }
}

/** HTTP Basic credentials (RFC 6749 §2.3.1); nothing in ours needs an escape. */
export function basic(clientId: string, secret: string): Record<string, string> {
  const credentials = Buffer.from(`${clientId}:${secret}`).toString('base64')
  return { authorization: `Basic ${credentials}`, 'content-type': 'application/x-www-form-urlencoded' }
}
