import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { type AccessDecision, authorize, type ProtectedApi } from '../oauth/authorize.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { type AuthorizerResult, authorizerResult } from './authorizer-result.ts'
import type { FunctionContext } from './function-context.ts'
import type { Records } from './records.ts'

const metrics = {
  allowed: metricNames.decisionsAllowed,
  refused: metricNames.decisionsRefused,
  failed: metricNames.decisionsFailed,
}

/** Makes the Lambda authorizer's handler: one decision, one audit event, and nothing but a decision ever allows. */
export function authorizerHandler(api: ProtectedApi, context: FunctionContext) {
  const { records } = context
  return async (event: APIGatewayRequestAuthorizerEventV2): Promise<AuthorizerResult> => {
    const decision = await decide(event, api, context)
    recordDecision(decision, event, records)
    return authorizerResult(decision)
  }
}

async function decide(
  event: APIGatewayRequestAuthorizerEventV2,
  api: ProtectedApi,
  { records, clock, watch }: FunctionContext,
): Promise<AccessDecision> {
  // Another event shape (REST, WebSocket, format 1.0) has no route key of ours: nothing in it may decide.
  if (event?.version !== '2.0' || event.type !== 'REQUEST' || typeof event.routeKey !== 'string') {
    return { outcome: 'refused', error: 'insufficient_scope', reason: 'event_unsupported' }
  }
  const { authorization: header } = event.headers ?? {}
  // What is typed as text may be anything: an event is not only what API Gateway makes.
  const authorization = typeof header === 'string' ? header : undefined
  try {
    const request = { routeKey: event.routeKey, authorization }
    const decision = await authorize(request, api, epochSeconds(clock))
    // Refused stays refused; what is expired or not yet valid, a wrong clock cannot tell.
    return watch.isWrong && decision.outcome === 'allowed'
      ? { outcome: 'failed', reason: 'clock_wrong' }
      : decision
  } catch (error) {
    records.unexpected(error)
    return { outcome: 'failed', reason: 'internal_error' }
  }
}

function recordDecision(
  decision: AccessDecision,
  event: APIGatewayRequestAuthorizerEventV2,
  records: Records,
): void {
  const token = 'token' in decision ? decision.token : undefined
  const { requestId = '', http } = event?.requestContext ?? {}
  records.audit(
    {
      audit: 'api.authorize',
      outcome: decision.outcome,
      reason: decision.outcome === 'allowed' ? 'ok' : decision.reason,
      requestId,
      sourceIp: http?.sourceIp,
      ...(token === undefined
        ? {}
        : {
            clientId: token.clientId,
            audience: token.claims.aud,
            scope: token.claims.scope,
            jti: token.jti,
          }),
    },
    metrics[decision.outcome],
  )
}
