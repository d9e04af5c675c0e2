import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { UsagePlan, UsagePlans } from '../../../local/api-gateway/usage-plans.ts'
import { planOf } from './api-gateway-client.ts'
import { usagePlansIn } from './usage-plans.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

let plans: UsagePlans
let now = 0
let elapsed = 0

beforeEach(async () => {
  const folder = mkdtempSync(`${tmpdir()}/countersign-usage-`)
  folders.push(folder)
  // A Saturday.
  now = Date.UTC(2026, 0, 31, 23, 59)
  elapsed = 0
  plans = await usagePlansIn(folder, { now: () => now, monotonicMilliseconds: () => elapsed })
  for (const [name, planIds, enabled] of [
    ['one', ['plan'], true],
    ['two', ['plan'], true],
    ['off', ['plan'], false],
    ['none', [], true],
  ] as const)
    await plans.keys.add({ id: name, name, value: `value-of-${name}`, enabled, createdAt: 0, planIds })
})

const define = (changes: Partial<UsagePlan>) => plans.define(planOf('plan', changes))
/** What becomes of requests with a key, one after the other. */
const requests = (count: number, name = 'one', stage = 'prod', apiId = 'api-of-plan') =>
  Array.from({ length: count }, () => {
    const admission = plans.admit(apiId, stage, `value-of-${name}`)
    return 'key' in admission ? admission.key.name : admission.refusal
  })

describe('a usage plan', () => {
  it('lets enabled keys of it pass at its stages, and no others', () => {
    define({})
    expect(requests(1)).toEqual(['one'])
    for (const name of ['off', 'none', 'unknown']) expect(requests(1, name)).toEqual(['INVALID_API_KEY'])
    expect(requests(1, 'one', 'beta')).toEqual(['INVALID_API_KEY'])
    expect(requests(1, 'one', 'prod', 'another')).toEqual(['INVALID_API_KEY'])
    expect(plans.admit('api-of-plan', 'prod', undefined)).toEqual({ refusal: 'INVALID_API_KEY' })
  })

  it('gives each key a bucket of its own, for all stages', () => {
    const stages = ['prod', 'beta'].map(stage => ({ apiId: 'api-of-plan', stage }))
    define({ throttle: { rateLimit: 2, burstLimit: 3 }, stages })
    expect(requests(2)).toEqual(['one', 'one'])
    expect(requests(2, 'one', 'beta')).toEqual(['one', 'THROTTLED'])
    expect(requests(1, 'two')).toEqual(['two'])
    elapsed += 500
    expect(requests(2)).toEqual(['one', 'THROTTLED'])
  })

  it.each([
    ['DAY', Date.UTC(2026, 0, 31, 23, 59, 59), Date.UTC(2026, 1, 1)],
    ['WEEK', Date.UTC(2026, 1, 1, 23, 59), Date.UTC(2026, 1, 2)],
    ['MONTH', Date.UTC(2026, 0, 31, 23, 59, 59), Date.UTC(2026, 1, 1)],
  ] as const)('counts the requests of a %s', (period, last, next) => {
    define({ quota: { limit: 2, offset: 0, period } })
    expect(requests(3)).toEqual(['one', 'one', 'QUOTA_EXCEEDED'])
    expect(requests(1, 'two')).toEqual(['two'])
    now = last
    expect(requests(1)).toEqual(['QUOTA_EXCEEDED'])
    now = next
    expect(requests(3)).toEqual(['one', 'one', 'QUOTA_EXCEEDED'])
  })

  it('takes the offset off the first period', () => {
    define({ quota: { limit: 2, offset: 1, period: 'DAY' } })
    expect(requests(2)).toEqual(['one', 'QUOTA_EXCEEDED'])
    now += 60_000
    expect(requests(3)).toEqual(['one', 'one', 'QUOTA_EXCEEDED'])
  })

  it('counts no request that it throttles', () => {
    define({ throttle: { rateLimit: 1, burstLimit: 1 }, quota: { limit: 2, offset: 0, period: 'DAY' } })
    expect(requests(3)).toEqual(['one', 'THROTTLED', 'THROTTLED'])
    elapsed += 1000
    expect(requests(1)).toEqual(['one'])
    elapsed += 1000
    expect(requests(1)).toEqual(['QUOTA_EXCEEDED'])
  })
})
