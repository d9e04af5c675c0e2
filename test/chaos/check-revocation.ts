import type { Facts, TokenFacts } from './facts.ts'
import type { Bounds, Findings, Invariant } from './findings.ts'
import type { Milliseconds, Operation, OperationOf } from './history.ts'
import { isByYoungKey } from './young-key.ts'

/** From the end of an outage until the next reading has surely been tried, and had the time that it may take. */
export const outageTailMilliseconds = 2500

/**
 * I1: no call that begins later than the delay after an acknowledged revocation passes; while the store cannot be
 * reached, later than the delay and the grace. I2: after the first refusal of a token nothing passes any more either,
 * acknowledged or not. I8: introspection, which reads the table, knows at once.
 */
export function checkRevocation(facts: Facts, bounds: Bounds, findings: Findings): void {
  const firstDenials = firstDenialsOf(facts)
  for (const operation of facts.of('authorize', 'introspect')) {
    const token = facts.tokens.get(operation.jti)
    if (operation.result !== 'ok' || token === undefined) continue
    if (operation.kind === 'authorize' && operation.presented === 'forged') continue
    const revocation = facts.revokedAt(token)
    const isRevoked = revocation !== undefined && revocation.completedAt < operation.invokedAt
    if (operation.kind === 'introspect') {
      if (isRevoked) checkIntrospection(operation, revocation, findings)
      continue
    }
    if (isRevoked) findings.revocationChecks++
    findings.checks++
    if (operation.allowed !== true) continue
    if (isRevoked) checkDelay('I1', operation, revocation, { facts, bounds, findings })
    const denial = firstDenials.get(operation.jti)
    if (denial === undefined || denial.completedAt >= operation.invokedAt) continue
    if (isRevoked && revocation.completedAt <= denial.completedAt) continue
    checkDelay('I2', operation, denial, { facts, bounds, findings })
  }
}

function checkDelay(
  invariant: Extract<Invariant, 'I1' | 'I2'>,
  allowed: OperationOf<'authorize'>,
  since: Operation,
  { facts, bounds, findings }: { facts: Facts; bounds: Bounds; findings: Findings },
): void {
  const delay = allowed.invokedAt - since.completedAt
  const inFault = isInFault(facts, allowed.invokedAt, allowed.completedAt)
  const inOutage = inFault || isAlarmed(facts, allowed.invokedAt, allowed.completedAt)
  const isLate = delay > bounds.maxRevocationDelay
  if (isLate && inOutage && !inFault) findings.latePassesByAlarm++
  if (invariant === 'I1') {
    if (isLate && inOutage) {
      findings.largestRevocationDelayInOutageMs = Math.max(findings.largestRevocationDelayInOutageMs, delay)
    } else findings.largestRevocationDelayMs = Math.max(findings.largestRevocationDelayMs, delay)
  }
  const bound = bounds.maxRevocationDelay + (inOutage ? bounds.revocationOutageGrace : 0)
  if (delay <= bound) return
  findings.failOpens++
  if (invariant === 'I1') findings.lose(since)
  const what = invariant === 'I1' ? `the ${since.kind} was acknowledged` : 'it had first been refused'
  const where = inOutage ? ', the outage considered' : ''
  findings.violate(
    invariant,
    `a token passed ${seconds(delay)} after ${what}${where} (jti ${allowed.jti})`,
    since,
    allowed,
  )
}

function checkIntrospection(
  operation: OperationOf<'introspect'>,
  revocation: Operation,
  findings: Findings,
): void {
  findings.checks++
  if (operation.active !== true) return
  findings.failOpens++
  findings.lose(revocation)
  const delay = seconds(operation.invokedAt - revocation.completedAt)
  findings.violate(
    'I8',
    `introspection called a token active ${delay} after the ${revocation.kind} was acknowledged (jti ${operation.jti})`,
    revocation,
    operation,
  )
}

/** Whether the store could not be reached, or functions stood still, perhaps while they were reading it. */
function isInFault(facts: Facts, from: Milliseconds, until: Milliseconds): boolean {
  return facts.faultDuring(['store', 'pause'], from, until, outageTailMilliseconds)
}

/**
 * Whether an authorizer has raised the alarm that it is to raise when it decides by an older snapshot: on a machine that
 * is too slow for a reading within its second, the store is out of reach without a fault of ours. Counted by itself.
 */
function isAlarmed(facts: Facts, from: Milliseconds, until: Milliseconds): boolean {
  return facts.alarmDuring(from - outageTailMilliseconds, until)
}

/** By `jti`, the first refusal that a revocation may have caused: 401, or an inactive token. */
function firstDenialsOf(facts: Facts): Map<string, Operation> {
  const denials = new Map<string, Operation>()
  for (const operation of facts.of('authorize', 'introspect')) {
    const token = facts.tokens.get(operation.jti)
    if (token === undefined || !isDenial(operation) || isExpiredBy(facts, token, operation)) continue
    // A refusal for another reason is another invariant's.
    if (!facts.mayBeRevokedBy(token, operation.completedAt)) continue
    if (isByYoungKey(token, operation, facts)) continue
    const first = denials.get(operation.jti)
    if (first === undefined || operation.completedAt < first.completedAt)
      denials.set(operation.jti, operation)
  }
  return denials
}

function isDenial(operation: OperationOf<'authorize' | 'introspect'>): boolean {
  if (operation.result !== 'ok') return false
  if (operation.kind === 'introspect') return operation.active === false
  return operation.presented === 'issued' && operation.allowed === false && operation.answer?.status !== 403
}

/** Whether a token may have run out by the end of an operation. */
export function isExpiredBy(facts: Facts, { token }: TokenFacts, operation: Operation): boolean {
  return facts.wall(operation.completedAt) / 1000 >= token.exp
}

function seconds(milliseconds: Milliseconds): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}
