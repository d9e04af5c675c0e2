import { setting } from './environment.ts'
import { Records } from './records.ts'
import { standardOutput, wrapWarnings } from './standard-output.ts'
import { systemClock } from './system-clock.ts'

/** What every function has: its records and the clock. Called once, during init. */
export function functionContext() {
  wrapWarnings()
  const clock = systemClock
  return { clock, records: new Records(setting('SERVICE'), standardOutput, () => clock.now()) }
}
