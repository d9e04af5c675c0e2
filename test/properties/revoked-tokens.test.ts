import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { RevokedTokens } from '../../lambda/oauth/revoked-tokens.ts'
import { tokenIds } from '../lambda/oauth/support/token-ids.ts'
import { itHolds } from './run-property.ts'

/** Our own identifiers, their neighbours, other spellings of them, and everything else that could be one. */
const pool = [
  ...tokenIds(20),
  ...tokenIds(5).map(jti => `${jti.slice(0, 21)}B`),
  ...tokenIds(5).map(jti => `_${jti.slice(1)}`),
  'AAAAAAAAAAAAAAAAAAAAAA',
  'AAAAAAAAAAAAAAAAAAAAAQ',
  '______________________',
  '_____________________w',
  ...['a', 'token-1', 'x'.repeat(21), 'x'.repeat(23), 'x'.repeat(64), ' '.repeat(22), 'é'.repeat(22)],
]

const entry = fc.record({ jti: fc.constantFrom(...pool), expiresAt: fc.integer({ min: 1, max: 100 }) })
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ step: fc.constant('add' as const), entry }) },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('merge' as const),
      entries: fc.array(entry, { maxLength: 30 }),
      /** So that a Map takes over a table, and a table a Map. */
      maxMapEntries: fc.constantFrom(0, 5, 100),
    }),
  },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('wait' as const), seconds: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('prune' as const) }) },
)

describe('the set of revoked tokens', () => {
  itHolds(
    'answers like a plain Map, whatever its form: nothing lost, nothing lowered, nothing taken for another',
    300,
    fc.property(
      fc.constantFrom(0, 1, 5, 20, 100),
      fc.array(step, { maxLength: 60 }),
      (maxMapEntries, steps) => {
        const tokens = new RevokedTokens(maxMapEntries)
        const model = new Map<string, number>()
        let now = 0
        const raise = (jti: string, expiresAt: number) =>
          model.set(jti, Math.max(expiresAt, model.get(jti) ?? 0))
        for (const each of steps) {
          if (each.step === 'wait') now += each.seconds
          if (each.step === 'add') {
            tokens.add(each.entry.jti, each.entry.expiresAt)
            raise(each.entry.jti, each.entry.expiresAt)
          }
          if (each.step === 'merge') {
            const others = new RevokedTokens(each.maxMapEntries)
            for (const { jti, expiresAt } of each.entries) {
              others.add(jti, expiresAt)
              raise(jti, expiresAt)
            }
            tokens.addAll(others)
          }
          const live = [...model.values()].filter(expiresAt => expiresAt > now).length
          if (each.step === 'prune') {
            tokens.prune(now)
            expect(tokens.size * 0.75).toBeLessThanOrEqual(live)
          }
          expect(tokens.size).toBeGreaterThanOrEqual(live)
          expect(tokens.size).toBeLessThanOrEqual(model.size)
          const wrong = pool.filter(jti => tokens.has(jti, now) !== (model.get(jti) ?? 0) > now)
          expect(wrong).toEqual([])
        }
      },
    ),
  )
})
