import fc from 'fast-check'
import { describe, expect, vi } from 'vitest'
import { playSchedule, schedule } from './key-rotation-schedule.ts'
import { itHolds } from './run-property.ts'

// Ten thousand schedules take a while.
vi.setConfig({ testTimeout: 180_000 })

describe('signing keys that rotate', () => {
  itHolds(
    'F18: refuse no valid token and accept none of a retired or revoked key, however keepers are late, crash or overlap',
    10_000,
    fc.asyncProperty(schedule, async events => {
      expect((await playSchedule(events)).wrong).toEqual([])
    }),
  )
})
