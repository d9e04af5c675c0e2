import { checkAnswers } from './check-answers.ts'
import { checkClients } from './check-clients.ts'
import { checkRevocation, outageTailMilliseconds } from './check-revocation.ts'
import { checkTokens } from './check-tokens.ts'
import { Facts } from './facts.ts'
import { type Bounds, Findings, type Violation } from './findings.ts'
import type { History, Kind, Operation } from './history.ts'

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly operations: number
  /** How often something was held against an invariant. */
  readonly checks: number
  /** From an acknowledged revocation to the last call that passed; in an outage, and not. */
  readonly largestRevocationDelayMs: number
  readonly largestRevocationDelayInOutageMs: number
  readonly revocationChecks: number
  readonly acknowledgedWrites: number
  readonly acknowledgedWritesLost: number
  readonly failOpens: number
  readonly validTokensRefused: number
  readonly youngKeyRefusals: number
  /** Alarms of authorizers that no fault explains: the machine was too slow for a refresh within its second. */
  readonly unexplainedAlarms: number
  /** Calls that passed late during such an alarm, within the outage's grace. */
  readonly latePassesByAlarm: number
}

const writeKinds: ReadonlySet<Kind> = new Set([
  'register',
  'addSecret',
  'removeSecret',
  'disable',
  'enable',
  'update',
  'revokeToken',
  'revokeClient',
  'revokeKey',
  'revokeAll',
])

/** Judges a recorded history. A pure function: the same history has the same verdict. */
export function check(history: History, bounds: Bounds): Verdict {
  const facts = new Facts(history)
  const findings = new Findings()
  checkRevocation(facts, bounds, findings)
  checkClients(facts, findings)
  checkTokens(facts, findings)
  checkAnswers(facts, findings)
  return {
    violations: findings.violations,
    operations: facts.operations.filter(isOperation).length,
    checks: findings.checks,
    largestRevocationDelayMs: Math.round(findings.largestRevocationDelayMs),
    largestRevocationDelayInOutageMs: Math.round(findings.largestRevocationDelayInOutageMs),
    revocationChecks: findings.revocationChecks,
    acknowledgedWrites: facts.operations.filter(isAcknowledgedWrite).length,
    acknowledgedWritesLost: findings.acknowledgedWritesLost,
    failOpens: findings.failOpens,
    validTokensRefused: findings.validTokensRefused,
    youngKeyRefusals: findings.youngKeyRefusals,
    latePassesByAlarm: findings.latePassesByAlarm,
    unexplainedAlarms: facts.of('alarm').filter(alarm => !isExplained(alarm, facts)).length,
  }
}

function isExplained({ invokedAt }: Operation, facts: Facts): boolean {
  return facts.faultDuring(['store', 'pause', 'stack'], invokedAt, invokedAt, outageTailMilliseconds)
}

function isOperation({ kind }: Operation): boolean {
  return kind !== 'fault' && kind !== 'audit' && kind !== 'alarm'
}

function isAcknowledgedWrite({ kind, result }: Operation): boolean {
  return writeKinds.has(kind) && result === 'ok'
}
