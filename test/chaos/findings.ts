import type { Milliseconds, Operation } from './history.ts'

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10'

export interface Violation {
  readonly invariant: Invariant
  readonly message: string
  /** The identifiers of the operations that contradict each other. */
  readonly operations: readonly number[]
}

/** What was promised. */
export interface Bounds {
  /** The longest from an acknowledged revocation to the last call that passes. */
  readonly maxRevocationDelay: Milliseconds
  /** How much longer while the store cannot be reached. */
  readonly revocationOutageGrace: Milliseconds
}

/** Gathers what the checks find. */
export class Findings {
  readonly violations: Violation[] = []
  readonly #lost = new Set<number>()
  /** How often something was held against an invariant. */
  checks = 0
  /** Calls with a token whose revocation had been acknowledged before. */
  revocationChecks = 0
  largestRevocationDelayMs = 0
  largestRevocationDelayInOutageMs = 0
  /** Something was allowed that nothing allows. */
  failOpens = 0
  validTokensRefused = 0
  /** Calls that passed late while an authorizer raised the alarm of an outage, and no fault explains it. */
  latePassesByAlarm = 0
  /** Refusals of tokens by keys that were too young for every verifier to know, as after an emergency roll. */
  youngKeyRefusals = 0

  get acknowledgedWritesLost(): number {
    return this.#lost.size
  }

  violate(invariant: Invariant, message: string, ...operations: readonly Operation[]): void {
    this.violations.push({ invariant, message, operations: operations.map(({ id }) => id) })
  }

  /** An acknowledged write that a later answer contradicts; each counts once. */
  lose(write: Operation | undefined): void {
    if (write !== undefined) this.#lost.add(write.id)
  }
}
