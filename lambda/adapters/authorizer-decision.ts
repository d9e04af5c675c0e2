import type { AccessDecision, ProtectedApi, ResourceRequest } from '../oauth/authorize.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { accessAuditEvent, decideAccess } from './access-decision.ts'
import type { FunctionContext } from './function-context.ts'

const metrics = {
  allowed: metricNames.decisionsAllowed,
  refused: metricNames.decisionsRefused,
  failed: metricNames.decisionsFailed,
}

const unsupported = { outcome: 'refused', error: 'insufficient_scope', reason: 'event_unsupported' } as const

/**
 * One decision and one audit event of it.
 *
 * @param request undefined: the event is of another shape than the function was made for, and nothing in it may decide
 */
export async function decideAndRecord(
  request: ResourceRequest | undefined,
  requester: { readonly requestId: string; readonly sourceIp: string | undefined },
  api: ProtectedApi,
  context: FunctionContext,
): Promise<AccessDecision> {
  const decision = request === undefined ? unsupported : await decideAccess(request, api, context)
  context.records.audit(accessAuditEvent(decision, requester), metrics[decision.outcome])
  return decision
}
