import { describe, expect, it } from 'vitest'
import { possibleValues, type Write } from './possible-values.ts'
import { answered, history, start } from './written-history.ts'

const authorize = { kind: 'authorize', jti: 't1', requires: ['read'] } as const

describe('I7: what was issued passes, and nothing else', () => {
  it('finds a forged token, another spelling and an expired token that pass', () => {
    for (const presented of ['forged', 'respelled'] as const) {
      const refused = history()
        .client()
        .at(1000, { ...authorize, presented, allowed: false })
      expect(refused.violated).toEqual([])
      const passed = history()
        .client()
        .at(1000, { ...authorize, presented, allowed: true })
      expect(passed.check()).toMatchObject({ failOpens: 1, violations: [{ invariant: 'I7' }] })
    }
    expect(history().client().call(599_999, true).call(600_000, false).violated).toEqual([])
    expect(history().client().call(600_000, true).violated).toEqual(['I7'])
  })

  it('finds a valid token that is refused, faults or not', () => {
    const verdict = history().client().fault(0, 9000, 'store').call(1000, false).check()
    expect(verdict).toMatchObject({ validTokensRefused: 1, violations: [{ invariant: 'I7' }] })
  })

  it('finds a valid token that nobody decides on, but for a fault that is or has just been', () => {
    const failed = { result: 'unknown', answer: answered({ status: 500 }) } as const
    expect(history().client().call(20_000, false, failed).violated).toEqual(['I7'])
    for (const reaches of ['store', 'pause', 'process', 'stack'] as const) {
      const disturbed = history().client().fault(10_000, 11_000, reaches)
      expect(disturbed.call(20_000, false, failed).violated).toEqual([])
      expect(disturbed.call(30_000, false, failed).violated).toEqual(['I7'])
    }
  })

  it('does not blame a verifier for a key that was made seconds ago', () => {
    const keys = [{ kid: 'k1', createdAt: start }]
    const young = () => history().client().at(30, { kind: 'listKeys', keys })
    expect(young().call(5000, false).check()).toMatchObject({ violations: [], youngKeyRefusals: 1 })
    expect(young().call(13_000, false).violated).toEqual(['I7'])
    expect(young().fault(13_000, 20_000, 'store').call(14_000, false).violated).toEqual([])
  })
})

describe('I8: introspection agrees', () => {
  it('knows of a revocation at once', () => {
    const revoked = () => history().client().at(1000, { kind: 'revokeToken', jti: 't1' })
    expect(revoked().introspect(1005, true).introspect(1011, false).violated).toEqual([])
    expect(revoked().introspect(1011, true).check()).toMatchObject({
      failOpens: 1,
      acknowledgedWritesLost: 1,
      violations: [{ invariant: 'I8' }],
    })
  })

  it('calls a token active until it expires or may be revoked', () => {
    expect(history().client().introspect(1000, true).introspect(600_000, false).violated).toEqual([])
    expect(history().client().introspect(600_000, true).violated).toEqual(['I8'])
    expect(history().client().introspect(1000, false).check()).toMatchObject({
      validTokensRefused: 1,
      violations: [{ invariant: 'I8' }],
    })
  })
})

describe('I9: answers are well-formed', () => {
  const revoke = { kind: 'revokeToken', jti: 't1' } as const

  it.each([
    ['has the status 302', { status: 302 }],
    ['is not JSON', { isJson: false }],
    ['may be stored by caches', { cacheControl: undefined }],
    ['has the status 400 and no error code', { status: 400 }],
    ['is 503 without Retry-After', { status: 503, error: 'temporarily_unavailable' }],
    ["is the gateway's own 404", { status: 404, byGateway: true }],
  ])('finds one that %s', (problem, changes) => {
    const answer = answered(changes)
    const result = answer.status >= 500 ? 'unknown' : answer.status >= 300 ? 'fail' : 'ok'
    expect(history().client().at(1000, revoke, { answer, result }).check().violations).toEqual([
      { invariant: 'I9', message: `the answer to revokeToken ${problem}`, operations: [3] },
    ])
  })

  it("takes the gateway's own answers for functions that are gone, and no answer at all", () => {
    const gone = { result: 'unknown', answer: answered({ status: 500, byGateway: true }) } as const
    expect(history().client().at(1000, revoke, gone).violated).toEqual([])
    expect(history().client().at(1000, revoke, { result: 'unknown', answer: undefined }).violated).toEqual([])
  })
})

describe('I10: each acknowledged change has one audit event', () => {
  const enabled = { kind: 'enable', clientId: 'c1' } as const
  const audit = { kind: 'audit', requestId: 'r1', audit: 'client.enable', outcome: 'allowed' } as const
  const other = { ...audit, requestId: 'other' }
  const answer = answered({ requestId: 'r1' })

  it('finds none, two, and one of a change that was refused', () => {
    expect(history().at(0, enabled, { answer }).at(100, audit).violated).toEqual([])
    expect(history().at(0, enabled, { answer }).at(100, other).violated).toEqual(['I10'])
    expect(history().at(0, enabled, { answer }).at(100, audit).at(100, audit).violated).toEqual(['I10'])
    const refusal = answered({ requestId: 'r1', status: 404, error: 'not_found' })
    const refused = history().at(0, enabled, { answer: refusal, result: 'fail' })
    expect(refused.at(100, audit).violated).toEqual(['I10'])
  })

  it('lets one be lost with everything that was killed the next instant', () => {
    const killed = history().at(0, enabled, { answer }).fault(500, 4000, 'stack').at(5000, other)
    expect(killed.violated).toEqual([])
    const survived = history().at(0, enabled, { answer }).fault(1500, 4000, 'stack').at(5000, other)
    expect(survived.violated).toEqual(['I10'])
  })
})

describe('the values that may be in force', () => {
  const write = (value: string, invokedAt: number, result: Write<string>['result'] = 'ok') => ({
    value,
    invokedAt,
    completedAt: invokedAt + 10,
    result,
  })

  it('are those of writes under way, without an answer and not yet replaced', () => {
    const writes = [write('a', 0), write('b', 100), write('c', 200, 'fail'), write('d', 300, 'unknown')]
    expect(possibleValues(writes, 50, 60)).toEqual(['a'])
    expect(possibleValues(writes, 50, 105)).toEqual(['a', 'b'])
    expect(possibleValues(writes, 150, 250)).toEqual(['b'])
    expect(possibleValues(writes, 90_000, 90_000)).toEqual(['b', 'd'])
  })

  it('go back to one when a write is acknowledged that began after the last effect of all others', () => {
    const writes = [write('a', 0), write('b', 100, 'unknown')]
    expect(possibleValues([...writes, write('c', 1000)], 20_000, 20_000)).toEqual(['b', 'c'])
    expect(possibleValues([...writes, write('c', 16_000)], 20_000, 20_000)).toEqual(['c'])
  })
})
