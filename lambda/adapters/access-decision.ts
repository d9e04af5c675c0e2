import type { AuditEvent } from '../oauth/audit-event.ts'
import {
  type AccessDecision,
  authorize,
  type ProtectedApi,
  type ResourceRequest,
} from '../oauth/authorize.ts'
import { epochSeconds } from '../oauth/clock.ts'
import type { FunctionContext } from './function-context.ts'

/** Decides as `authorize` does. Never throws: what nobody expected is recorded, and fails the decision. */
export async function decideAccess(
  request: ResourceRequest,
  api: ProtectedApi,
  { records, clock, watch }: FunctionContext,
): Promise<AccessDecision> {
  try {
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

/** The one audit event of a decision. Only of a verified token is anything in it. */
export function accessAuditEvent(
  decision: AccessDecision,
  requester: Pick<AuditEvent, 'requestId' | 'sourceIp'>,
): AuditEvent {
  const token = 'token' in decision ? decision.token : undefined
  return {
    audit: 'api.authorize',
    outcome: decision.outcome,
    reason: decision.outcome === 'allowed' ? 'ok' : decision.reason,
    ...requester,
    ...(token === undefined
      ? {}
      : { clientId: token.clientId, audience: token.claims.aud, scope: token.claims.scope, jti: token.jti }),
  }
}
