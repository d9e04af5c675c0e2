import { describe, expect, it, vi } from 'vitest'
import { numberSetting, setting } from '../../../lambda/adapters/environment.ts'

describe('a setting', () => {
  it('is the variable’s value', () => {
    vi.stubEnv('ISSUER', 'https://auth.example.com')
    vi.stubEnv('REVOCATION_REFRESH_SECONDS', '0')
    expect([setting('ISSUER'), numberSetting('REVOCATION_REFRESH_SECONDS')]).toEqual([
      'https://auth.example.com',
      0,
    ])
  })

  it.each([undefined, ''])('stops the function when it is %o', value => {
    vi.stubEnv('ISSUER', value)
    expect(() => setting('ISSUER')).toThrow(new Error('the environment variable ISSUER is not set'))
  })

  it.each(['-1', '1.5', 'five', 'NaN', '1e400', '9007199254740993'])(
    'stops the function when a number is %s',
    value => {
      vi.stubEnv('REVOCATION_SHARDS', value)
      expect(() => numberSetting('REVOCATION_SHARDS')).toThrow(
        new Error('the environment variable REVOCATION_SHARDS is not a number'),
      )
    },
  )
})
