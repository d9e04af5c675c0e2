import type { Facts } from './facts.ts'
import type { Findings } from './findings.ts'
import type { Answer, Kind, Operation } from './history.ts'

/** What answers of each kind may say: their statuses, and whether they are the token endpoint's kin (no-store, JSON). */
const oauthKinds: ReadonlySet<Kind> = new Set(['token', 'introspect', 'revokeToken'])

const adminKinds: ReadonlySet<Kind> = new Set([
  'register',
  'addSecret',
  'removeSecret',
  'disable',
  'enable',
  'update',
  'revokeClient',
  'revokeKey',
  'revokeAll',
  'rotateKeys',
  'listKeys',
])

const statuses = new Set([200, 201, 204, 400, 401, 403, 404, 409, 429, 500, 503])

/** The audit events that acknowledged changes leave, by kind. */
const auditOf: Partial<Record<Kind, string>> = {
  register: 'client.create',
  addSecret: 'secret.add',
  removeSecret: 'secret.remove',
  disable: 'client.disable',
  enable: 'client.enable',
  update: 'client.update',
  revokeToken: 'token.revoke',
  revokeClient: 'client.revoke-tokens',
  revokeKey: 'key.revoke',
  revokeAll: 'token.revoke-all',
  rotateKeys: 'key.rotate',
}

export const auditedChanges: ReadonlySet<string> = new Set(Object.values(auditOf))

/** I9: answers are well-formed whatever happens. I10: each acknowledged change has its one audit event. */
export function checkAnswers(facts: Facts, findings: Findings): void {
  for (const operation of facts.operations) {
    const { kind, answer } = operation
    if (answer === undefined || !(oauthKinds.has(kind) || adminKinds.has(kind))) continue
    findings.checks++
    const problem = problemOf(answer, oauthKinds.has(kind))
    if (problem !== undefined) findings.violate('I9', `the answer to ${kind} ${problem}`, operation)
  }
  checkAudit(facts, findings)
}

function problemOf(answer: Answer, isOAuth: boolean): string | undefined {
  const { status, byGateway, isJson, error, cacheControl, retryAfter } = answer
  if (!statuses.has(status)) return `has the status ${status}`
  if (!isJson) return 'is not JSON'
  // The gateway's own answers, to a function that was killed or has no room, have no headers that a function sets.
  if (byGateway) return status < 500 && status !== 429 ? `is the gateway's own ${status}` : undefined
  if (status >= 400 && !/^[a-z_]+$/.test(error ?? '')) return `has the status ${status} and no error code`
  if (status === 503 && !/^\d+$/.test(retryAfter ?? '')) return 'is 503 without Retry-After'
  if (isOAuth && cacheControl !== 'no-store') return 'may be stored by caches'
  return undefined
}

function checkAudit(facts: Facts, findings: Findings): void {
  const audits = facts.of('audit')
  // A system without a log has no audit to hold against its answers.
  if (audits.length === 0) return
  const allowed = new Map<string, string[]>()
  for (const { requestId, audit, outcome } of audits) {
    if (outcome === 'allowed') allowed.set(requestId, [...(allowed.get(requestId) ?? []), audit])
  }
  for (const operation of facts.operations) {
    const audit = auditOf[operation.kind]
    const requestId = operation.answer?.requestId
    if (audit === undefined || requestId === undefined || operation.result === 'unknown') continue
    findings.checks++
    const count = (allowed.get(requestId) ?? []).filter(each => each === audit).length
    const expected = operation.result === 'ok' ? 1 : 0
    if (count === expected || (count === 0 && mayHaveLostLog(facts, operation))) continue
    findings.violate('I10', `an answered ${operation.kind} has ${count} audit events`, operation)
  }
}

/** What a function had printed is lost where the local stack is killed before it has read it. */
function mayHaveLostLog(facts: Facts, { invokedAt, completedAt }: Operation): boolean {
  return facts.faultDuring(['stack'], invokedAt, completedAt + 1000, 0)
}
