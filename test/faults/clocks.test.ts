import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { checkAssertionClaims } from '../../lambda/oauth/client-assertion.ts'
import { ClockWatch } from '../../lambda/oauth/clock-watch.ts'
import { revokeToken } from '../../lambda/oauth/revocation.ts'
import { nextRevocationMoment } from '../../lambda/oauth/revocation-moment.ts'
import { newFeed } from '../lambda/oauth/support/fake-revocations.ts'
import {
  basicHeader,
  client,
  formRequest,
  newTokenEndpoint,
  secret,
} from '../lambda/oauth/support/token-endpoint.ts'
import { clientId, issuer, makeToken, nowSeconds } from '../lambda/oauth/support/token-maker.ts'
import { itHolds } from '../properties/run-property.ts'
import { VirtualEnvironments } from './support/virtual-environments.ts'

const request = formRequest({ grant_type: 'client_credentials' }, basicHeader(clientId, secret))

/** How far a clock is off, in seconds. */
const offsets = [0, 5, -5, 60, -60, 3600, -3600]

describe('a token function whose clock is off', () => {
  itHolds(
    'F27: issues tokens that live for exactly what it says, whatever its clock and the moment of the client say',
    500,
    fc.asyncProperty(
      fc.integer({ min: 60, max: 3600 }),
      fc.integer({ min: -100_000, max: 100_000 }),
      fc.integer({ min: -100_000, max: 100_000 }),
      async (lifetime, offset, moment) => {
        const stored = {
          ...client,
          accessTokenLifetimeSeconds: lifetime,
          tokensRevokedUpTo: nowSeconds + moment,
        }
        const { response } = await newTokenEndpoint(stored).request(request, nowSeconds + offset)
        const { access_token: token, expires_in: expiresIn } = JSON.parse(response.body)
        const { iat = 0, exp = 0 } = decodeJwt(token)
        expect([exp - iat, expiresIn]).toEqual([lifetime, lifetime])
        expect(iat).toBe(nowSeconds + Math.max(offset, moment + 1))
      },
    ),
  )

  it.each(offsets)(
    'F27: by %i s issues what an authorizer takes when that is 10 s at most, and never later',
    async offset => {
      const { response } = await newTokenEndpoint().request(request, nowSeconds + offset)
      const { iat, exp } = decodeJwt(JSON.parse(response.body).access_token)
      const { ask } = await new VirtualEnvironments().start()
      const expected = offset > 10 ? 'token_not_yet_valid' : offset <= -600 ? 'token_expired' : 'allowed'
      expect(await ask(makeToken({ iat, exp }))).toBe(expected)
    },
  )
})

describe('an authorizer whose clock is off', () => {
  it.each([
    [-10, 'allowed'],
    [-11, 'token_not_yet_valid'],
    [599, 'allowed'],
    [600, 'token_expired'],
    [-3600, 'token_not_yet_valid'],
    [3600, 'token_expired'],
  ])('F27: by %i s: a token of now is %s (RFC 7519 §4.1.4, §4.1.6)', async (offset, expected) => {
    const world = new VirtualEnvironments()
    world.clock.jumpWall(offset * 1000)
    const { ask } = await world.start()
    expect(await ask(makeToken())).toBe(expected)
  })

  it('F27: and jumps on, back and on again decides each time by the time that it has, never by one that it had', async () => {
    const world = new VirtualEnvironments()
    const { ask } = await world.start()
    const answers: string[] = []
    for (const jump of [0, 3600, -3600, -60, 60, 599, 1, -1]) {
      world.clock.jumpWall(jump * 1000)
      answers.push(await ask(makeToken()))
    }
    expect(answers).toEqual([
      'allowed',
      'token_expired',
      'allowed',
      'token_not_yet_valid',
      'allowed',
      'allowed',
      'token_expired',
      'allowed',
    ])
  })

  const step = fc.record({
    milliseconds: fc.oneof(fc.constantFrom(0, 1, 500, 5001), fc.integer({ min: 0, max: 20_000 })),
    /** Where the wall clock is then, against the true time: within what is allowed for. */
    offset: fc.oneof(fc.constantFrom(-10_000, 10_000), fc.integer({ min: -10_000, max: 10_000 })),
    revokes: fc.boolean(),
  })

  itHolds(
    'F27: by up to 10 s, and moves, allows no token later than the delay after its revocation',
    500,
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async steps => {
      const { feed, store, clock } = newFeed()
      await feed.start(2000)
      const start = clock.now()
      const token = { jti: 'token-1', clientId, kid: 'key-1', iat: nowSeconds }
      let revokedAt: number | undefined
      for (const { milliseconds, offset, revokes } of steps) {
        clock.advance(milliseconds)
        clock.jumpWall(start + clock.monotonic() + offset - clock.now())
        if (revokes && revokedAt === undefined) {
          // By a writer whose clock is right.
          revokedAt = clock.monotonic()
          store.revoke(revokeToken('token-1', nowSeconds + 7200), start + revokedAt)
        }
        const isRevoked = await feed.isRevoked(token)
        if (revokedAt === undefined) expect(isRevoked).toBe(false)
        else if (clock.monotonic() - revokedAt > 5000) expect(isRevoked).toBe(true)
      }
    }),
  )

  it.each([3600, 60, -60, -3600])(
    'F27: and is put right by %i s knows what was revoked, within the delay',
    async jump => {
      const { feed, store, clock } = newFeed()
      const start = clock.now()
      clock.jumpWall(jump * 1000)
      await feed.start(2000)
      clock.advance(1000)
      store.revoke(revokeToken('token-1', nowSeconds + 7200), start + 1000)
      clock.jumpWall(-jump * 1000)
      clock.advance(5001)
      const token = { jti: 'token-1', clientId, kid: 'key-1', iat: nowSeconds }
      expect(await feed.isRevoked(token)).toBe(true)
    },
  )

  it('F27: and stays a minute ahead is not heard: the first answer of the store shows it (RFC 9110 §6.6.1)', () => {
    const errors: number[] = []
    const watch = new ClockWatch(seconds => errors.push(seconds))
    const ahead = (nowSeconds + 60) * 1000
    watch.observe(nowSeconds * 1000, { sentAt: ahead, receivedAt: ahead + 20 })
    expect([watch.isWrong, errors]).toEqual([true, [59]])
  })
})

describe('an administrator whose clock is off', () => {
  itHolds(
    'F27: by up to 5 s revokes every token of a client that was issued before, and never lowers the moment',
    500,
    fc.property(
      fc.constantFrom(0, 1, 499, 500, 999),
      fc.oneof(fc.constant(0), fc.nat(100_000)),
      fc.oneof(fc.constant(-5000), fc.integer({ min: -5000, max: 0 })),
      fc.integer({ min: 0, max: 1_000_000 }),
      (fraction, sinceIssue, offset, previous) => {
        const issuedAt = nowSeconds * 1000 + fraction
        const moment = nextRevocationMoment(issuedAt + sinceIssue + offset, previous)
        expect(moment).toBeGreaterThanOrEqual(Math.floor(issuedAt / 1000))
        expect(moment).toBeGreaterThan(previous)
      },
    ),
  )
})

describe('a client whose clock is off', () => {
  const claims = { iss: clientId, sub: clientId, aud: issuer, jti: 'a' }
  const check = (payload: object) =>
    checkAssertionClaims(
      { clientId, jws: { payload: { ...claims, ...payload } } } as never,
      issuer,
      nowSeconds,
    )

  it.each([
    [-60, 'ok'],
    [5, 'ok'],
    [10, 'ok'],
    [11, 'assertion_not_yet_valid'],
    [60, 'assertion_not_yet_valid'],
  ])('F27: by %i s: an assertion of a minute is %s (RFC 7523 §3)', (offset, expected) => {
    const iat = nowSeconds + offset
    // One that is behind may say that it lives for longer than it does.
    const use = check({ iat, nbf: iat, exp: Math.max(iat, nowSeconds) + 60 })
    expect(typeof use === 'string' ? use : 'ok').toBe(expected)
  })

  it.each([
    [-60, 'assertion_expired'],
    [-59, 'ok'],
    [240, 'ok'],
    [241, 'assertion_lifetime_too_long'],
  ])('F27: by %i s: an assertion of a minute without iat is %s (RFC 7523 §3 item 4)', (offset, expected) => {
    const use = check({ exp: nowSeconds + offset + 60 })
    expect(typeof use === 'string' ? use : 'ok').toBe(expected)
  })
})
