import { describe, expect, it } from 'vitest'
import { ClockWatch } from '../../../lambda/oauth/clock-watch.ts'
import { nowSeconds } from './support/token-maker.ts'

const now = nowSeconds * 1000

function watching() {
  const errors: number[] = []
  const watch = new ClockWatch(seconds => errors.push(seconds))
  return { watch, errors }
}

describe('a clock', () => {
  it.each([
    ['agrees', now, now, now + 20],
    ['is ten seconds behind', now + 10_000, now, now],
    ['is ten seconds ahead, within the second that a Date is of', now - 10_999, now, now],
    ['stood still between the question and its answer', now, now, now + 3_600_000],
    ['is compared with nothing', Number.NaN, now, now],
  ])('that %s is right', (_, date, sentAt, receivedAt) => {
    const { watch, errors } = watching()
    watch.observe(date, { sentAt, receivedAt })
    expect([watch.isWrong, errors]).toEqual([false, []])
  })

  it.each([
    ['more than ten seconds behind', now + 10_001, -10],
    ['an hour behind', now + 3_600_000, -3600],
    ['more than ten seconds ahead', now - 11_000, 10],
    ['an hour ahead', now - 3_600_999, 3600],
  ])('that is %s is wrong, and said to be', (_, date, error) => {
    const { watch, errors } = watching()
    watch.observe(date, { sentAt: now, receivedAt: now })
    expect([watch.isWrong, errors]).toEqual([true, [error]])
  })

  it('is right again when an answer shows it, and not before', () => {
    const { watch } = watching()
    watch.observe(now + 3_600_000, { sentAt: now, receivedAt: now })
    watch.observe(Number.NaN, { sentAt: now, receivedAt: now })
    expect(watch.isWrong).toBe(true)
    watch.observe(now, { sentAt: now, receivedAt: now })
    expect(watch.isWrong).toBe(false)
  })
})
