import type { RequestScope } from './event.ts'
import type { GatewayRequest } from './request.ts'

/** Reads one identity source from a request; `undefined` or empty when the request does not have it. */
export type IdentitySource = (request: GatewayRequest, scope: RequestScope) => string | undefined

const contextVariables: Record<string, IdentitySource> = {
  accountId: (_, scope) => scope.accountId,
  apiId: (_, scope) => scope.apiId,
  domainName: (_, scope) => scope.domainName,
  httpMethod: request => request.method,
  'identity.sourceIp': request => request.sourceIp,
  'identity.userAgent': request => request.headers['user-agent'],
  path: request => request.rawPath,
  protocol: request => request.protocol,
  requestId: request => request.requestId,
  routeKey: (_, scope) => scope.routeKey,
  stage: (_, scope) => scope.stage,
}

/** @throws where the expression is none that the local run knows */
export function parseIdentitySource(expression: string): IdentitySource {
  const [, from, name] =
    /^\$(request\.header|request\.querystring|context|stageVariables)\.(.+)$/.exec(expression) ?? []
  const contextVariable = from === 'context' ? contextVariables[name ?? ''] : undefined
  if (contextVariable !== undefined) return contextVariable
  if (name === undefined || from === 'context')
    throw new Error(`the local run does not know the identity source ${expression}`)
  if (from === 'request.header') {
    const header = name.toLowerCase()
    return request => request.headers[header]
  }
  if (from === 'request.querystring') return request => request.queryStringParameters?.[name]
  return (_, scope) => scope.stageVariables?.[name]
}
