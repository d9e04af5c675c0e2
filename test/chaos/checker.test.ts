import { describe, expect, it } from 'vitest'
import { answered, history, start } from './written-history.ts'

const revoke = { kind: 'revokeToken', jti: 't1' } as const
const disable = { kind: 'disable', clientId: 'c1' } as const
const enable = { kind: 'enable', clientId: 'c1' } as const

describe('I1: an acknowledged revocation holds within the delay', () => {
  it('lets a call pass that begins within the delay, and says how late it was', () => {
    const verdict = history().client().at(1000, revoke).call(6010, true).call(7000, false).check()
    expect(verdict).toMatchObject({
      violations: [],
      revocationChecks: 2,
      largestRevocationDelayMs: 5000,
      acknowledgedWrites: 2,
    })
  })

  it('finds a call that begins later, whatever it was that revoked the token', () => {
    const upTo = start + 10
    const revocations = [
      revoke,
      disable,
      { kind: 'revokeClient', clientId: 'c1', upTo },
      { kind: 'revokeKey', kid: 'k1' },
      { kind: 'revokeAll', upTo },
    ] as const
    for (const revocation of revocations) {
      const verdict = history().client().at(1000, revocation).call(6011, true).check()
      expect(verdict).toMatchObject({ failOpens: 1, acknowledgedWritesLost: 1 })
      expect(verdict.violations).toEqual([
        {
          invariant: 'I1',
          message: `a token passed 5.00 s after the ${revocation.kind} was acknowledged (jti t1)`,
          operations: [3, 4],
        },
      ])
    }
  })

  it('lets the grace pass as well while the store cannot be reached, and no more', () => {
    const outage = () => history().client().at(1000, revoke).fault(500, 60_000, 'store')
    expect(outage().call(16_000, true).check()).toMatchObject({
      violations: [],
      largestRevocationDelayMs: 0,
      largestRevocationDelayInOutageMs: 14_990,
    })
    expect(outage().call(16_011, true).violated).toEqual(['I1'])
    expect(history().client().at(1000, revoke).fault(500, 2000, 'store').call(9000, true).violated).toEqual([
      'I1',
    ])
    expect(
      history().client().at(1000, revoke).fault(500, 60_000, 'process').call(9000, true).violated,
    ).toEqual(['I1'])
  })

  it('lets the grace pass as well when an authorizer has raised the alarm, and counts what explains none', () => {
    const alarmed = () => history().client().at(1000, revoke).at(8000, { kind: 'alarm' })
    expect(alarmed().call(10_400, true).check()).toMatchObject({
      violations: [],
      unexplainedAlarms: 1,
      latePassesByAlarm: 1,
    })
    expect(alarmed().call(10_520, true).violated).toEqual(['I1'])
    expect(alarmed().fault(4000, 6000, 'store').check()).toMatchObject({ unexplainedAlarms: 0 })
  })

  it('does not concern tokens of a later moment, of other clients, or asked for after an enabling', () => {
    const client = history()
      .client()
      .at(1000, { kind: 'revokeClient', clientId: 'c1', upTo: start - 1 })
    expect(client.call(9000, true).violated).toEqual([])
    expect(
      history()
        .client()
        .at(1000, { ...revoke, jti: 't2' })
        .call(9000, true).violated,
    ).toEqual([])
    const enabled = history()
      .at(0, { kind: 'register', clientId: 'c1', secretId: 'c1-s1', scope: ['read'] })
      .at(100, disable)
      .at(200, enable)
      .token(300)
    expect(enabled.call(9000, true).violated).toEqual([])
  })
})

describe('I2: what has been refused is not allowed any more', () => {
  const unknown = () => history().client().at(1000, revoke, { result: 'unknown' })

  it('takes a revocation without an answer for done, or for not done', () => {
    expect(unknown().call(3000, true).call(20_000, true).violated).toEqual([])
    expect(
      unknown().call(3000, true).call(4000, false).call(9000, true).call(20_000, false).violated,
    ).toEqual([])
  })

  it('finds a call that passes later than the delay after the first refusal', () => {
    expect(unknown().call(3000, false).call(8011, true).violated).toEqual(['I2'])
    expect(unknown().introspect(3000, false).call(8011, true).violated).toEqual(['I2'])
  })
})

describe('I3: a client that is disabled gets no token', () => {
  it('lets a request pass that began before the acknowledgement, or after an enabling had begun', () => {
    expect(history().client().at(1000, disable).token(1005, { jti: 't2' }).violated).toEqual([])
    const enabling = history().client().at(1000, disable).at(2000, enable, { result: 'unknown' })
    expect(enabling.token(3000, { jti: 't2' }).violated).toEqual([])
  })

  it('finds a token that was asked for after the acknowledgement', () => {
    const verdict = history().client().at(1000, disable).token(1011, { jti: 't2' }).check()
    expect(verdict).toMatchObject({ failOpens: 1, acknowledgedWritesLost: 1 })
    expect(verdict.violations.map(({ invariant }) => invariant)).toEqual(['I3'])
  })

  it('finds a token from before that passes later than the delay', () => {
    expect(history().client().at(1000, disable).call(6011, true).violated).toEqual(['I1'])
  })
})

describe('I4: what was acknowledged works', () => {
  it('finds a refusal of a registered client, of an enabled one, and of a new secret', () => {
    expect(history().client().refusedToken(1000).check()).toMatchObject({
      acknowledgedWritesLost: 1,
      violations: [{ invariant: 'I4', operations: [1, 3] }],
    })
    const enabled = history().client().at(1000, disable).at(2000, enable)
    expect(enabled.refusedToken(2011).violated).toEqual(['I4'])
    const rotated = history().client().at(1000, { kind: 'addSecret', clientId: 'c1', secretId: 's2' })
    const credential = { secretId: 's2' }
    expect(
      rotated.at(2000, { kind: 'token', clientId: 'c1', credential }, { result: 'fail' }).violated,
    ).toEqual(['I4'])
  })

  it('lets a refusal pass while the client may be disabled, the secret be removed, or too much was asked', () => {
    expect(history().client().at(1000, disable, { result: 'unknown' }).refusedToken(9000).violated).toEqual(
      [],
    )
    const removing = history().client().at(1000, { kind: 'removeSecret', clientId: 'c1', secretId: 'c1-s1' })
    expect(removing.refusedToken(2000).violated).toEqual([])
    const excess = { kind: 'token', clientId: 'c1', credential: { secretId: 'c1-s1' } } as const
    const asked = history()
      .client()
      .at(1000, { ...excess, requestedScope: ['write'] }, { result: 'fail' })
    expect(asked.violated).toEqual([])
    const answer = answered({ status: 429, error: 'temporarily_unavailable' })
    expect(history().client().refusedToken(1000, { answer }).violated).toEqual([])
  })

  it('finds a removed secret that still works', () => {
    const removed = history().client().at(1000, { kind: 'removeSecret', clientId: 'c1', secretId: 'c1-s1' })
    expect(removed.token(1011, { jti: 't2' }).violated).toEqual(['I4'])
  })
})

describe('I5: an assertion is good for one token', () => {
  const request = { kind: 'token', clientId: 'c1', credential: { assertionId: 'a1' } } as const

  it('lets one of two uses pass, in whatever order they are answered', () => {
    expect(history().client().at(1000, request).at(1000, request, { result: 'fail' }).violated).toEqual([])
    const first = history().client().at(1000, request, { result: 'unknown' })
    expect(first.at(2000, request, { result: 'fail' }).violated).toEqual([])
  })

  it('finds a second token, and an honest use that is called a replay', () => {
    expect(history().client().at(1000, request).at(1000, request).violated).toEqual(['I5'])
    expect(history().client().at(1000, request, { result: 'fail' }).violated).toEqual(['I4'])
  })

  it('takes the same identifier of two clients for two assertions', () => {
    const both = history().client().client('c2', 't2').at(1000, request)
    expect(both.at(2000, { ...request, clientId: 'c2' }).violated).toEqual([])
    expect(both.at(3000, { ...request, clientId: 'c2', credential: { assertionId: 'a2' } }).violated).toEqual(
      [],
    )
  })
})

describe('I6: no scope but what the client has', () => {
  const update = { kind: 'update', clientId: 'c1', scope: ['write'] } as const

  it('takes the scope before and after while a change is under way, or without an answer', () => {
    const changing = history().client().at(1000, update, { completedAt: 2000 })
    expect(changing.token(1500, { jti: 't2' }).token(1500, { jti: 't3', scope: ['write'] }).violated).toEqual(
      [],
    )
    const unknown = history().client().at(1000, update, { result: 'unknown' })
    expect(unknown.token(30_000, { jti: 't2' }).violated).toEqual([])
  })

  it('finds a scope that was never granted, and one that was taken away', () => {
    expect(
      history()
        .client()
        .token(1000, { jti: 't2', scope: ['read', 'write'] }).violated,
    ).toEqual(['I6'])
    expect(history().client().at(1000, update).token(1011, { jti: 't2' }).violated).toEqual(['I6'])
  })

  it('finds a call of a route that needs more', () => {
    const more = { kind: 'authorize', jti: 't1', presented: 'issued', requires: ['read', 'write'] } as const
    expect(
      history()
        .client()
        .at(1000, { ...more, allowed: true })
        .check(),
    ).toMatchObject({
      failOpens: 1,
      violations: [{ invariant: 'I6' }],
    })
    const answer = answered({ status: 403 })
    expect(
      history()
        .client()
        .at(1000, { ...more, allowed: false }, { answer }).violated,
    ).toEqual([])
  })
})
