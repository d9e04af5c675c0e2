import { type ThrottleLimits, TokenBucket } from '../gateway/throttle.ts'
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.ts'

/** What every key of a plan may do, at all of the plan's stages together. */
export interface UsagePlan {
  readonly id: string
  readonly name: string
  readonly throttle: ThrottleLimits | undefined
  readonly quota: Quota | undefined
  readonly stages: readonly { readonly apiId: string; readonly stage: string }[]
}

export interface Quota {
  readonly limit: number
  /** How many count as used in the first period. */
  readonly offset: number
  readonly period: 'DAY' | 'WEEK' | 'MONTH'
}

/** Whether a request with a key may pass, or the gateway response that refuses it. */
export type Admission =
  | { readonly key: ApiKeyRecord }
  | { readonly refusal: 'INVALID_API_KEY' | 'THROTTLED' | 'QUOTA_EXCEEDED' }

/** What one key has used of one plan. */
interface Use {
  readonly bucket: TokenBucket | undefined
  period: string
  requests: number
}

export interface UsageClocks {
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number
  /** @default performance.now */
  readonly monotonicMilliseconds?: () => number
}

const dayMilliseconds = 86_400_000

/** The usage plans of this run's templates. What keys have used is in memory alone. */
export class UsagePlans {
  readonly keys: ApiKeyStore
  readonly #now: () => number
  readonly #monotonicMilliseconds: (() => number) | undefined
  readonly #plans = new Map<string, UsagePlan>()
  readonly #uses = new Map<string, Use>()

  constructor(keys: ApiKeyStore, { now = Date.now, monotonicMilliseconds }: UsageClocks = {}) {
    this.keys = keys
    this.#now = now
    this.#monotonicMilliseconds = monotonicMilliseconds
  }

  define(plan: UsagePlan): void {
    this.#plans.set(plan.id, plan)
  }

  plans(): readonly UsagePlan[] {
    return [...this.#plans.values()]
  }

  plan(id: string): UsagePlan | undefined {
    return this.#plans.get(id)
  }

  /** Counts one request to a stage. One that is refused uses nothing up. */
  admit(apiId: string, stage: string, keyValue: string | undefined): Admission {
    const key = keyValue === undefined ? undefined : this.keys.withValue(keyValue)
    const plan = this.plans().find(
      ({ id, stages }) =>
        key?.planIds.includes(id) && stages.some(each => each.apiId === apiId && each.stage === stage),
    )
    if (key === undefined || plan === undefined || !key.enabled) return { refusal: 'INVALID_API_KEY' }
    const use = this.#useOf(plan, key)
    if (plan.quota !== undefined && use.requests >= plan.quota.limit) return { refusal: 'QUOTA_EXCEEDED' }
    if (use.bucket?.take() === false) return { refusal: 'THROTTLED' }
    use.requests++
    return { key }
  }

  #useOf(plan: UsagePlan, key: ApiKeyRecord): Use {
    const id = `${plan.id} ${key.id}`
    const period = periodOf(plan.quota?.period ?? 'DAY', this.#now())
    let use = this.#uses.get(id)
    if (use === undefined) {
      const bucket = plan.throttle && new TokenBucket(plan.throttle, this.#monotonicMilliseconds)
      use = { bucket, period, requests: plan.quota?.offset ?? 0 }
      this.#uses.set(id, use)
    } else if (use.period !== period) {
      use.period = period
      use.requests = 0
    }
    return use
  }
}

/** Periods end at midnight UTC, weeks on Sundays. */
function periodOf(period: Quota['period'], now: number): string {
  const day = new Date(now).toISOString().slice(0, 10)
  if (period === 'DAY') return day
  // 1 January 1970 was a Thursday.
  return period === 'MONTH' ? day.slice(0, 7) : `week ${Math.floor((now / dayMilliseconds + 3) / 7)}`
}
