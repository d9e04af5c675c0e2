/** `not_checked`: it says nothing about the deployment, and why. */
export type Outcome = 'ok' | 'warn' | 'fail' | 'not_checked'

/** What one check found. */
export interface Finding {
  /** A fixed name, for programs. */
  check: string
  outcome: Outcome
  /** What is so, or why it could not be seen. Never a secret or a token. */
  found: string
  /** What to do about it. */
  remedy?: string
  /** What was measured, where it is a time. */
  seconds?: number
}

export function ok(check: string, found: string): Finding {
  return { check, outcome: 'ok', found }
}

export function warn(check: string, found: string, remedy: string): Finding {
  return { check, outcome: 'warn', found, remedy }
}

export function fail(check: string, found: string, remedy: string): Finding {
  return { check, outcome: 'fail', found, remedy }
}

export function notChecked(check: string, found: string, remedy?: string): Finding {
  return { check, outcome: 'not_checked', found, ...(remedy === undefined ? {} : { remedy }) }
}
