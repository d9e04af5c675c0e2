import type { Clock } from '../oauth/clock.ts'
import { ClockWatch } from '../oauth/clock-watch.ts'
import { setting } from './environment.ts'
import { Records } from './records.ts'
import { standardOutput, wrapWarnings } from './standard-output.ts'
import { systemClock } from './system-clock.ts'

export interface FunctionContext {
  readonly clock: Clock
  readonly records: Records
  readonly watch: ClockWatch
}

/** What every function has: its records, the clock, and who watches that. Called once, during init. */
export function functionContext(): FunctionContext {
  wrapWarnings()
  const clock = systemClock
  const records = new Records(setting('SERVICE'), standardOutput, () => clock.now())
  return { clock, records, watch: new ClockWatch(seconds => records.clockWrong(seconds)) }
}
