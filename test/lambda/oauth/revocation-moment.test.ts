import { describe, expect, it } from 'vitest'
import { nextRevocationMoment } from '../../../lambda/oauth/revocation-moment.ts'
import { nowSeconds } from './support/token-maker.ts'

const now = nowSeconds * 1000

describe('the moment up to which a client’s tokens are revoked', () => {
  it.each([
    [now, nowSeconds + 5],
    [now + 1, nowSeconds + 6],
    [now + 999, nowSeconds + 6],
    [now + 1000, nowSeconds + 6],
  ])('is, at %i ms, the next whole second and five for the skew', (milliseconds, moment) => {
    expect(nextRevocationMoment(milliseconds, 0)).toBe(moment)
  })

  it.each([
    ['long past', 1, nowSeconds + 5],
    ['just before this one', nowSeconds + 4, nowSeconds + 5],
    ['this very one', nowSeconds + 5, nowSeconds + 6],
    ['later, as after a clock put back', nowSeconds + 600, nowSeconds + 601],
  ])('is later than the moment before, also when that was %s', (_, previous, moment) => {
    expect(nextRevocationMoment(now, previous)).toBe(moment)
  })
})
