import { describe, expect, it } from 'vitest'
import { elapsedSince, epochSeconds, instant } from '../../../lambda/oauth/clock.ts'
import { virtualClock } from './support/fake-revocations.ts'

describe('the time since an instant', () => {
  it('is what passed on both clocks', () => {
    const clock = virtualClock()
    const start = instant(clock)
    expect(start).toEqual({ wall: clock.now(), monotonic: clock.monotonic() })
    expect(elapsedSince(start, clock)).toBe(0)
    clock.advance(1500)
    expect(elapsedSince(start, clock)).toBe(1500)
  })

  it('does not shrink when the wall clock jumps back', () => {
    const clock = virtualClock()
    const start = instant(clock)
    clock.advance(1500)
    clock.jumpWall(-3_600_000)
    expect(elapsedSince(start, clock)).toBe(1500)
  })

  it('counts the time in which the environment was frozen and its monotonic clock stood still', () => {
    const clock = virtualClock()
    const start = instant(clock)
    clock.advance(1500)
    clock.jumpWall(3_600_000)
    expect(elapsedSince(start, clock)).toBe(3_601_500)
  })
})

it('epoch seconds are whole and rounded down (RFC 7519 §2, NumericDate)', () => {
  expect(epochSeconds({ now: () => 1999 })).toBe(1)
  expect(epochSeconds({ now: () => 2000 })).toBe(2)
})
