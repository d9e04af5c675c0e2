import type { Verdict } from './checker.ts'
import type { Violation } from './findings.ts'

/** What a run came to, as it is written for those who read it later. */
export interface Summary extends Omit<Verdict, 'violations'> {
  readonly seed: number
  readonly minutes: number
  /** The planted bug of a simulated run. */
  readonly bug?: string
  readonly kills: number
  readonly maxRevocationDelayMs: number
  readonly revocationOutageGraceMs: number
  /** How often each fault was made. */
  readonly faults: Readonly<Record<string, number>>
  readonly violations: readonly Violation[]
}

const rows: readonly (readonly [keyof Summary, string])[] = [
  ['operations', 'operations'],
  ['kills', 'processes killed with SIGKILL'],
  ['checks', 'checks'],
  ['acknowledgedWrites', 'acknowledged writes'],
  ['acknowledgedWritesLost', 'acknowledged writes lost'],
  ['largestRevocationDelayMs', 'largest revocation delay, ms'],
  ['largestRevocationDelayInOutageMs', 'largest revocation delay in an outage, ms'],
  ['revocationChecks', 'calls with revoked tokens'],
  ['failOpens', 'allowed against the rules'],
  ['validTokensRefused', 'valid tokens refused'],
  ['unexplainedAlarms', 'alarms that no fault explains (no violation)'],
  ['latePassesByAlarm', 'passed late during such an alarm (no violation)'],
  ['youngKeyRefusals', 'refused for a key too young (no violation)'],
]

/** The summary for people: a line each, then the first violations. */
export function formatSummary(summary: Summary): string {
  const lines = rows.map(([key, title]) => `${String(summary[key]).padStart(10)}  ${title}`)
  const faults = Object.entries(summary.faults).map(
    ([fault, count]) => `${String(count).padStart(10)}  ${fault}`,
  )
  const violations = summary.violations
    .slice(0, 20)
    .map(({ invariant, message, operations }) => `${invariant}: ${message} [${operations.join(', ')}]`)
  const count = `${summary.violations.length} violations, seed ${summary.seed}`
  return [...lines, '', 'faults', ...faults, '', ...violations, count].join('\n')
}
