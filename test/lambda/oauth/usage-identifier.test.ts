import { describe, expect, it } from 'vitest'
import { usageIdentifier } from '../../../lambda/oauth/usage-identifier.ts'

describe('the value of the API key of a client', () => {
  it.each(['0123456789abcdef0123456789abcdef', 'a'.repeat(20), 'Z9'.repeat(32)])(
    'is its client_id: %s',
    clientId => {
      expect(usageIdentifier(clientId)).toBe(clientId)
    },
  )

  // What API Gateway takes: 20 to 128 letters and digits.
  it.each(['a'.repeat(19), 'billing', '0123456789abcdef-0123456789abcdef', `${'a'.repeat(20)}_`])(
    'is the digest of one that cannot be a value: %s',
    clientId => {
      expect(usageIdentifier(clientId)).toMatch(/^[0-9a-f]{64}$/)
      expect(usageIdentifier(clientId)).not.toBe(usageIdentifier(`${clientId}~`))
    },
  )

  it('is the same every time, for the authorizer and for who makes the key', () => {
    expect(usageIdentifier('billing')).toBe(
      '0c95c7ece1ce1a9750275ef1c6d7ad6b278f70d66592207783ffe7d58474cc01',
    )
  })
})
