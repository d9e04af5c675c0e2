import { clockSkewSeconds } from './check-claims.ts'

/**
 * How far this machine's clock may be from the store's before nothing is decided by it, in seconds. Deltas of revocations
 * reach back 30 s: with one function so much ahead and another so much behind, none is missed.
 */
export const maxClockErrorSeconds = clockSkewSeconds

/** When something was sent and its answer received, epoch milliseconds by the clock that is watched. */
export interface Exchange {
  readonly sentAt: number
  readonly receivedAt: number
}

/**
 * Compares this machine's clock with the `Date` that others put into their answers (RFC 9110 §6.6.1). Tokens that are
 * issued or checked by a clock that is off live too long, or are refused while they are good; revocations are missed.
 */
export class ClockWatch {
  readonly #onWrong: (errorSeconds: number) => void
  #isWrong = false

  /** @param onWrong told at each answer that shows a wrong clock: seconds, negative = it is behind */
  constructor(onWrong: (errorSeconds: number) => void) {
    this.#onWrong = onWrong
  }

  /** Whether the last answer showed a clock that is wrong. It is right again as soon as one shows that. */
  get isWrong(): boolean {
    return this.#isWrong
  }

  /** @param date epoch milliseconds, of the whole second that the other clock showed; NaN = it said nothing */
  observe(date: number, { sentAt, receivedAt }: Exchange): void {
    if (Number.isNaN(date)) return
    const behind = date - receivedAt
    const ahead = sentAt - (date + 999)
    const error = (ahead > 0 ? ahead : -Math.max(0, behind)) / 1000
    this.#isWrong = Math.abs(error) > maxClockErrorSeconds
    if (this.#isWrong) this.#onWrong(Math.round(error))
  }
}
