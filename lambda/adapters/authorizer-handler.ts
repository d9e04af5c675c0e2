import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import type { AccessDecision, ProtectedApi } from '../oauth/authorize.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { accessAuditEvent, decideAccess } from './access-decision.ts'
import { type AuthorizerResult, authorizerResult } from './authorizer-result.ts'
import type { FunctionContext } from './function-context.ts'

const metrics = {
  allowed: metricNames.decisionsAllowed,
  refused: metricNames.decisionsRefused,
  failed: metricNames.decisionsFailed,
}

/** Makes the Lambda authorizer's handler: one decision, one audit event, and nothing but a decision ever allows. */
export function authorizerHandler(api: ProtectedApi, context: FunctionContext) {
  return async (event: APIGatewayRequestAuthorizerEventV2): Promise<AuthorizerResult> => {
    const decision = await decide(event, api, context)
    const { requestId = '', http } = event?.requestContext ?? {}
    const requester = { requestId, sourceIp: http?.sourceIp }
    context.records.audit(accessAuditEvent(decision, requester), metrics[decision.outcome])
    return authorizerResult(decision)
  }
}

async function decide(
  event: APIGatewayRequestAuthorizerEventV2,
  api: ProtectedApi,
  context: FunctionContext,
): Promise<AccessDecision> {
  // Another event shape (REST, WebSocket, format 1.0) has no route key of ours: nothing in it may decide.
  if (event?.version !== '2.0' || event.type !== 'REQUEST' || typeof event.routeKey !== 'string') {
    return { outcome: 'refused', error: 'insufficient_scope', reason: 'event_unsupported' }
  }
  const { authorization: header } = event.headers ?? {}
  // What is typed as text may be anything: an event is not only what API Gateway makes.
  const authorization = typeof header === 'string' ? header : undefined
  return decideAccess({ routeKey: event.routeKey, authorization }, api, context)
}
