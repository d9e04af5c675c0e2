/** Limits as a stage sets them. */
export interface ThrottleLimits {
  /** Requests a second in the long run. */
  rateLimit: number
  /** Requests at once. */
  burstLimit: number
}

/** What an AWS account has, all APIs of a Region together, unless a quota was raised. */
export const accountThrottleLimits: ThrottleLimits = { rateLimit: 10_000, burstLimit: 5_000 }

/** A token bucket: `burstLimit` tokens, refilled at `rateLimit` tokens a second. */
export class TokenBucket {
  readonly #limits: ThrottleLimits
  readonly #monotonicMilliseconds: () => number
  #tokens: number
  #refilledAt: number

  constructor(limits: ThrottleLimits, monotonicMilliseconds: () => number = () => performance.now()) {
    this.#limits = limits
    this.#monotonicMilliseconds = monotonicMilliseconds
    this.#tokens = limits.burstLimit
    this.#refilledAt = monotonicMilliseconds()
  }

  /** Takes a token for one request; `false` when there is none. */
  take(): boolean {
    const now = this.#monotonicMilliseconds()
    const refill = ((now - this.#refilledAt) / 1000) * this.#limits.rateLimit
    this.#tokens = Math.min(this.#limits.burstLimit, this.#tokens + refill)
    this.#refilledAt = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
