import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { AuditedAction } from '../oauth/audit-event.ts'
import { epochSeconds } from '../oauth/clock.ts'
import type { DecisionFacts } from '../oauth/decision-facts.ts'
import { errorResponse } from '../oauth/endpoint-response.ts'
import type { HttpRequest, HttpResponse } from '../oauth/http.ts'
import type { MetricName } from '../oauth/metric-names.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import { Unavailable } from '../oauth/unavailable.ts'
import { withinTime } from '../oauth/within-time.ts'
import type { FunctionContext } from './function-context.ts'
import { requester, toHttpApiResult, toHttpRequest } from './http-api-event.ts'
import type { Records } from './records.ts'

export interface EndpointDecision {
  readonly response: HttpResponse
  readonly reason: string
}

export interface OAuthEndpoint {
  readonly audit: AuditedAction
  readonly metrics: Readonly<Record<'allowed' | 'refused' | 'failed', MetricName>>
  readonly decide: (
    request: HttpRequest,
    nowSeconds: number,
    facts: DecisionFacts,
  ) => Promise<EndpointDecision>
}

/**
 * How long a decision may take, whatever each of the dependencies that it waits for in turn takes of it. What a late one
 * does all the same is what an answer that was lost leaves: a revocation that may have been made, an assertion used up.
 */
const decisionMilliseconds = 1400

/** Makes a Lambda handler of an OAuth endpoint: one decision, one audit event, and an answer whatever happens. */
export function oauthEndpoint(
  { audit, metrics, decide }: OAuthEndpoint,
  { clock, records, watch }: FunctionContext,
) {
  return async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
    const facts: DecisionFacts = {}
    try {
      const deciding = decide(toHttpRequest(event), epochSeconds(clock), facts)
      const { response, reason } = await withinTime(deciding, decisionMilliseconds)
      // What was decided by a wrong clock is not told; the store's answer to this very request has shown it.
      if (watch.isWrong) throw new OAuthError('clock_wrong')
      records.audit({ audit, outcome: 'allowed', reason, ...requester(event), ...facts }, metrics.allowed)
      return toHttpApiResult(response)
    } catch (thrown) {
      const error = toOAuthError(thrown, records)
      const outcome = error.status >= 500 ? 'failed' : 'refused'
      records.audit({ audit, outcome, reason: error.reason, ...requester(event), ...facts }, metrics[outcome])
      return toHttpApiResult(errorResponse(error))
    }
  }
}

function toOAuthError(thrown: unknown, records: Records): OAuthError {
  if (thrown instanceof OAuthError) return thrown
  if (thrown instanceof Unavailable) return new OAuthError('store_unavailable', { cause: thrown })
  records.unexpected(thrown)
  return new OAuthError('internal_error', { cause: thrown })
}
