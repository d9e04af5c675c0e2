import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { authorize } from '../../lambda/oauth/authorize.ts'
import { VerifiedTokenMemory } from '../../lambda/oauth/verified-token-memory.ts'
import { nowSeconds } from '../lambda/oauth/support/token-maker.ts'
import { edited, singleEdit, stretchEdit } from './arbitrary-edits.ts'
import { isAccepted, openApi, validToken } from './arbitrary-tokens.ts'
import { itHolds } from './run-property.ts'

describe('a valid access token', () => {
  itHolds(
    'is accepted as it was made (RFC 9068 §4)',
    50,
    fc.asyncProperty(validToken, async token => {
      expect(await isAccepted(token)).toBe(true)
    }),
  )

  itHolds(
    'is refused after any edit of a single character (RFC 7515 §5.2)',
    800,
    fc.asyncProperty(edited(validToken, singleEdit), async ({ before, after }) => {
      expect(await isAccepted(after)).toBe(after === before)
    }),
  )

  itHolds(
    'is refused after any edit of a stretch (RFC 7515 §5.2)',
    250,
    fc.asyncProperty(edited(validToken, stretchEdit), async ({ before, after }) => {
      expect(await isAccepted(after)).toBe(after === before)
    }),
  )

  itHolds(
    'is refused when parts of it stand in another’s place (RFC 7515 §5.2)',
    150,
    fc.asyncProperty(validToken, validToken, fc.nat(7), async (one, other, choice) => {
      const others = other.split('.')
      const mixed = one.split('.').map((segment, index) => (choice & (1 << index) ? others[index] : segment))
      const text = mixed.join('.')
      expect(await isAccepted(text)).toBe(text === one || text === other)
    }),
  )
})

describe('an Authorization header with a valid access token', () => {
  const header = validToken.map(token => `Bearer ${token}`)
  itHolds(
    'allows nothing after any edit, but for the case of its scheme (RFC 6750 §2.1, RFC 9110 §11.1)',
    400,
    fc.asyncProperty(edited(header, fc.oneof(singleEdit, stretchEdit)), async ({ before, after }) => {
      const isSame = after.slice(6) === before.slice(6) && /^bearer/i.test(after)
      const api = { ...openApi, memory: new VerifiedTokenMemory() }
      // Remembered, so that nothing but the very text can be recognised.
      await authorize({ routeKey: 'GET /orders', authorization: before }, api, nowSeconds)
      const { outcome } = await authorize({ routeKey: 'GET /orders', authorization: after }, api, nowSeconds)
      expect(outcome).toBe(isSame ? 'allowed' : 'refused')
    }),
  )
})
