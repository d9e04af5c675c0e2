import { describe, expect, it } from 'vitest'
import { isCurrent, secondsToWait, sourceNetwork } from '../../../lambda/oauth/authentication-failures.ts'
import { nowSeconds } from './support/token-maker.ts'

const limit = { failures: 3, windowSeconds: 60 }
const failures = (count: number, age: number) => ({ count, since: nowSeconds - age })

describe('failed authentications', () => {
  it.each([
    ['none', undefined, 0],
    ['fewer than the limit', failures(2, 0), 0],
    ['as many, just now', failures(3, 0), 60],
    ['more', failures(99, 10), 50],
    ['in the last second of the window', failures(3, 59), 1],
    ['when the window is over', failures(3, 60), 0],
    ['long ago', failures(99, 3600), 0],
  ])('make their source wait: %s', (_, recent, seconds) => {
    expect(secondsToWait(recent, limit, nowSeconds)).toBe(seconds)
  })

  it('count together until their window is over', () => {
    expect(isCurrent(failures(1, 59), limit, nowSeconds)).toBe(true)
    expect(isCurrent(failures(1, 60), limit, nowSeconds)).toBe(false)
  })

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001::2:3:4:5:6:7', '2001:0:2:3::/64'],
    ['::1:2:3:4:5:6', '0:0:1:2::/64'],
    ['1::', '1:0:0:0::/64'],
    ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
    ['::', '0:0:0:0::/64'],
    [undefined, 'unknown'],
  ])('of %s count as those of %s', (address, network) => {
    expect(sourceNetwork(address)).toBe(network)
  })
})
