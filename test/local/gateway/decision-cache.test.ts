import { expect, it } from 'vitest'
import { DecisionCache } from '../../../local/gateway/decision-cache.ts'

it('forgets a decision when its time to live is over', () => {
  let now = 0
  const cache = new DecisionCache<string>(5, () => now)
  cache.set(['a'], 'allowed')
  now = 4_999
  expect(cache.get(['a'])).toBe('allowed')
  now = 5_000
  expect(cache.get(['a'])).toBeUndefined()
})

it('does not take two values for one that joins them', () => {
  const cache = new DecisionCache<string>(5)
  cache.set(['a,b', 'c'], 'allowed')
  expect(cache.get(['a', 'b,c'])).toBeUndefined()
})

it('drops the oldest decision when it is full', () => {
  const cache = new DecisionCache<number>(5)
  for (let index = 0; index <= 10_000; index += 1) cache.set([String(index)], index)
  expect(cache.get(['0'])).toBeUndefined()
  expect(cache.get(['1'])).toBe(1)
  expect(cache.get(['10000'])).toBe(10_000)
})
