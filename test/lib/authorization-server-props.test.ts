import { Duration, Lazy } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { checkSettings } from '../../lib/authorization-server-props.ts'

const seconds = Duration.seconds
const later = Duration.seconds(Lazy.number({ produce: () => 5 }))

describe('settings', () => {
  it('have defaults', () => {
    expect(checkSettings({})).toEqual({
      accessTokenLifetimeSeconds: 600,
      authenticationFailureLimit: { failures: 20, windowSeconds: 60 },
      decisionCacheTtlSeconds: 0,
      revocationRefreshSeconds: 5,
      revocationOutageGraceSeconds: 60,
      revocationShards: 4,
      signingAlgorithm: 'ES256',
      signingKeyCustody: 'kms',
      signingKeyRotationSeconds: 90 * 86_400,
      tokenThrottle: { rateLimit: 500, burstLimit: 1000 },
    })
  })

  it('are durations, also where types are not checked', () => {
    const unchecked: object = { accessTokenLifetime: 600 }
    expect(() => checkSettings(unchecked)).toThrow(
      'accessTokenLifetime must be a Duration, got 600: write Duration.seconds(...) or the like',
    )
  })

  it.each([
    ['signingKeyRotation', 3600, 365 * 86_400],
    ['accessTokenLifetime', 60, 3600],
    ['maxRevocationDelay', 1, 300],
    ['revocationOutageGrace', 0, 3600],
  ])('take a %s of %i and of %i seconds', (setting, min, max) => {
    expect(() => checkSettings({ [setting]: seconds(min) })).not.toThrow()
    expect(() => checkSettings({ [setting]: seconds(max) })).not.toThrow()
  })

  it.each([
    ['accessTokenLifetime', 59, 60, 3600],
    ['accessTokenLifetime', 3601, 60, 3600],
    ['maxRevocationDelay', 301, 0, 300],
    ['revocationOutageGrace', 3601, 0, 3600],
    ['decisionCacheTtl', 300, 0, 299],
  ])('refuse a %s of %i seconds', (setting, value, min, max) => {
    expect(() => checkSettings({ [setting]: seconds(value) })).toThrow(
      `${setting} must be between ${min} and ${max} seconds, got ${value} seconds: choose a value in that range`,
    )
  })

  it.each(['accessTokenLifetime', 'maxRevocationDelay', 'revocationOutageGrace', 'decisionCacheTtl'])(
    'refuse a %s that is not whole seconds, or not known at synthesis',
    setting => {
      expect(() => checkSettings({ [setting]: Duration.millis(2500) })).toThrow(
        `${setting} must be whole seconds, got 2.5 seconds: round it`,
      )
      expect(() => checkSettings({ [setting]: later })).toThrow(
        `${setting} must be known at synthesis, got a token: give it a number, not a deploy-time value`,
      )
    },
  )

  it.each([
    [5, 5],
    [0, 1],
    [10, 60],
  ])('refuse, at a delay of %i seconds, decisions cached for %i: they outlive a revocation', (delay, ttl) => {
    expect(() =>
      checkSettings({ maxRevocationDelay: seconds(delay), decisionCacheTtl: seconds(ttl) }),
    ).toThrow(
      `decisionCacheTtl must be shorter than maxRevocationDelay (${delay} seconds), got ${ttl} seconds: a cached decision outlives a revocation; lower decisionCacheTtl or raise maxRevocationDelay`,
    )
  })

  it('share the delay between the decision cache and the age of revocations', () => {
    const checked = checkSettings({ maxRevocationDelay: seconds(10), decisionCacheTtl: seconds(9) })
    expect(checked).toMatchObject({ decisionCacheTtlSeconds: 9, revocationRefreshSeconds: 1 })
  })

  it('have no grace at a delay of 0', () => {
    expect(checkSettings({ maxRevocationDelay: seconds(0) })).toMatchObject({
      revocationRefreshSeconds: 0,
      revocationOutageGraceSeconds: 0,
    })
    expect(() =>
      checkSettings({ maxRevocationDelay: seconds(0), revocationOutageGrace: seconds(0) }),
    ).toThrow(
      'revocationOutageGrace must not be set with a maxRevocationDelay of 0 seconds: every request reads the table, so there is nothing to serve from; remove it or raise maxRevocationDelay',
    )
  })

  it.each([0, 17, 1.5, Number.NaN])('refuse %d revocation shards', value => {
    expect(() => checkSettings({ revocationShards: value })).toThrow(
      `revocationShards must be a whole number between 1 and 16, got ${value}: choose a value in that range`,
    )
  })

  it('refuse a number of shards that is not known at synthesis', () => {
    expect(() => checkSettings({ revocationShards: Lazy.number({ produce: () => 4 }) })).toThrow(
      'revocationShards must be known at synthesis, got a token: give it a number, not a deploy-time value',
    )
  })

  it.each([0, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuse a rate of %d requests a second', value => {
    expect(() => checkSettings({ tokenThrottle: { rateLimit: value, burstLimit: 10 } })).toThrow(
      `tokenThrottle.rateLimit must be at least 1 request a second, got ${value}: a lower rate turns the server off`,
    )
  })

  it.each([0, 1.5, Number.NaN])('refuse a burst of %d requests', value => {
    expect(() => checkSettings({ tokenThrottle: { rateLimit: 10, burstLimit: value } })).toThrow(
      `tokenThrottle.burstLimit must be a whole number of at least 1 request, got ${value}: a lower burst turns the server off`,
    )
  })

  it('take a throttle that is known at deployment only', () => {
    const tokenThrottle = {
      rateLimit: Lazy.number({ produce: () => 5 }),
      burstLimit: Lazy.number({ produce: () => 5 }),
    }
    expect(checkSettings({ tokenThrottle }).tokenThrottle).toBe(tokenThrottle)
  })
})
