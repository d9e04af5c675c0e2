import { describe, expect, it } from 'vitest'
import { checkClaims, checkTimes } from '../../../lambda/oauth/check-claims.ts'
import { audience, claims, issuer, nowSeconds } from './support/token-maker.ts'

const check = (changes: object) => checkClaims({ ...claims, ...changes }, issuer, audience)

describe('the claims of an access token (RFC 9068 §2.2)', () => {
  it('pass when they are what we issue, the scope parsed', () => {
    expect(check({})).toStrictEqual({ claims, scope: ['orders:read', 'orders:write'] })
  })

  it.each([
    [
      'iss',
      ['https://issuer.example.com/', 'https://evil.example', '', null, undefined, [issuer]],
      'issuer_mismatch',
    ],
    [
      'aud',
      [
        undefined,
        '',
        `${audience}/`,
        `${audience}.evil`,
        'https://ORDERS.example.com',
        [audience],
        {},
        null,
        1,
      ],
      'audience_mismatch',
    ],
    ['sub', [undefined, '', 'other', 1, null, ['x']], 'claims_malformed'],
    ['client_id', [undefined, '', 'other', 1, null], 'claims_malformed'],
    ['jti', [undefined, '', 1, null, 'x'.repeat(10_000), 'a b'], 'claims_malformed'],
    ['exp', [undefined, null, '1999999999', true, {}, [], -1, 0, 1.5, Number.NaN], 'claims_malformed'],
    ['exp', [1e15, 253402300799, nowSeconds, nowSeconds - 1, nowSeconds + 3601], 'lifetime_too_long'],
    ['iat', [undefined, null, '1', -1, 1.5], 'claims_malformed'],
    ['nbf', [null, '1', -1, 1.5], 'claims_malformed'],
    ['scope', [[], 1, {}, null, ' a', 'a ', 'a  b', 'a\tb', 'a\u00a0b', 'a a', 'a"b'], 'claims_malformed'],
    ['cnf', [{ jkt: 'x' }, {}, null], 'confirmation_unsupported'],
  ])('are refused with a wrong %s', (name, values, reason) => {
    for (const value of values) expect([value, check({ [name]: value })]).toEqual([value, reason])
  })

  it('may have no scope at all, which satisfies no route (RFC 6750 §3.1)', () => {
    expect(check({ scope: '' })).toMatchObject({ scope: [] })
    expect(check({ scope: undefined })).toMatchObject({ scope: [] })
  })

  it('may have any one audience where none is asked for', () => {
    const other = { ...claims, aud: 'https://other.example.com' }
    expect(checkClaims(other, issuer, undefined)).toMatchObject({
      claims: { aud: 'https://other.example.com' },
    })
    for (const aud of [undefined, '', null, 1, [audience], {}]) {
      expect([aud, checkClaims({ ...claims, aud }, issuer, undefined)]).toEqual([aud, 'audience_mismatch'])
    }
  })

  it('name the client in text: two that agree in being none are refused', () => {
    for (const both of [undefined, null, 1, true, ['x'], '', 'a#b']) {
      expect([both, check({ sub: both, client_id: both })]).toEqual([both, 'claims_malformed'])
    }
  })

  it('may span as long a time as is ever issued, an hour', () => {
    expect(check({ exp: nowSeconds + 3600 })).toMatchObject({ claims: { exp: nowSeconds + 3600 } })
  })

  it('keep the nbf that they have', () => {
    expect(check({ nbf: nowSeconds })).toMatchObject({ claims: { nbf: nowSeconds } })
  })
})

describe('the times of an access token (RFC 7519 §4.1.4–4.1.6)', () => {
  it.each([
    ['the last second', { exp: nowSeconds + 1 }, undefined],
    ['the second of its end', { exp: nowSeconds }, 'token_expired'],
    ['iat 10 s ahead', { iat: nowSeconds + 10 }, undefined],
    ['iat 11 s ahead', { iat: nowSeconds + 11 }, 'token_not_yet_valid'],
    ['nbf 10 s ahead', { nbf: nowSeconds + 10 }, undefined],
    ['nbf 11 s ahead', { nbf: nowSeconds + 11 }, 'token_not_yet_valid'],
  ])('are judged by one clock: %s', (_, changes, expected) => {
    expect(checkTimes({ ...claims, ...changes }, nowSeconds)).toBe(expected)
  })
})
