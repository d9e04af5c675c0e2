import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import type { ProtectedApi, ResourceRequest } from '../oauth/authorize.ts'
import { decideAndRecord } from './authorizer-decision.ts'
import { type AuthorizerResult, authorizerResult } from './authorizer-result.ts'
import type { FunctionContext } from './function-context.ts'

/** Makes the Lambda authorizer's handler: one decision, one audit event, and nothing but a decision ever allows. */
export function authorizerHandler(api: ProtectedApi, context: FunctionContext) {
  return async (event: APIGatewayRequestAuthorizerEventV2): Promise<AuthorizerResult> => {
    const { requestId = '', http } = event?.requestContext ?? {}
    const requester = { requestId, sourceIp: http?.sourceIp }
    return authorizerResult(await decideAndRecord(resourceRequest(event), requester, api, context))
  }
}

function resourceRequest(event: APIGatewayRequestAuthorizerEventV2): ResourceRequest | undefined {
  // Another event shape (REST, WebSocket, format 1.0) has no route key of ours: nothing in it may decide.
  if (event?.version !== '2.0' || event.type !== 'REQUEST' || typeof event.routeKey !== 'string')
    return undefined
  const { authorization: header } = event.headers ?? {}
  // What is typed as text may be anything: an event is not only what API Gateway makes.
  return { routeKey: event.routeKey, authorization: typeof header === 'string' ? header : undefined }
}
