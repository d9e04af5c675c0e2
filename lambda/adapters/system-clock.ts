import type { Clock } from '../oauth/clock.ts'

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }
