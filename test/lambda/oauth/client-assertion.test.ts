import { describe, expect, it } from 'vitest'
import {
  checkAssertionClaims,
  parseClientAssertion,
  verifyAssertion,
} from '../../../lambda/oauth/client-assertion.ts'
import { algorithms, assertionClaims, clientKey, makeAssertion } from './support/assertion-maker.ts'
import { clientId, issuer, nowSeconds } from './support/token-maker.ts'

function parsed(changes: object = {}, header: object = {}) {
  const assertion = parseClientAssertion(makeAssertion(changes, header))
  if (assertion === undefined) throw new Error('not parsed')
  return assertion
}
const check = (changes: object) => checkAssertionClaims(parsed(changes), issuer, nowSeconds)

describe('the header of a client assertion', () => {
  it.each([
    ['JWT'],
    ['jwt'],
    ['application/jwt'],
    ['client-authentication+jwt'],
    ['application/client-authentication+jwt'],
    ['CLIENT-AUTHENTICATION+JWT'],
    [undefined],
  ])('has the type %j (rfc7523bis §4)', typ => {
    expect(parsed({}, { typ }).clientId).toBe(clientId)
  })

  it.each([
    ['at+jwt'],
    ['JWT '],
    ['xjwt'],
    ['jwtx'],
    ['client-authentication+jwt+x'],
    [''],
    [null],
    [1],
    [['JWT']],
  ])('does not have the type %j (RFC 8725 §3.11)', typ => {
    expect(parseClientAssertion(makeAssertion({}, { typ }))).toBe(undefined)
  })

  it.each(algorithms)(
    'has the algorithm %s, and Ed25519 under both of its names (RFC 9864 §2.2)',
    algorithm => {
      expect(parseClientAssertion(makeAssertion({}, {}, algorithm))?.algorithm).toBe(algorithm)
      expect(parsed({}, { alg: 'Ed25519' }).algorithm).toBe('EdDSA')
    },
  )

  it.each([['none'], ['HS256'], ['ES384'], ['es256'], ['RS1'], [''], [null], [['ES256']], [undefined]])(
    'does not have the algorithm %j (RFC 8725 §3.1)',
    alg => {
      expect(parseClientAssertion(makeAssertion({}, { alg }))).toBe(undefined)
    },
  )

  it.each([['k1'], ['a.b_c~d:e=f-g'], ['x'.repeat(128)], [undefined]])('may name the key %j', kid => {
    expect(parsed({}, { kid }).kid).toBe(kid)
  })

  it.each([[''], ['x'.repeat(129)], ['a/b'], ['a b'], ['a\n'], ['../a'], [1], [null], [{}]])(
    'does not name the key %j',
    kid => {
      expect(parseClientAssertion(makeAssertion({}, { kid }))).toBe(undefined)
    },
  )

  it.each([
    ['crit'],
    ['b64'],
    ['jwk'],
    ['jku'],
    ['x5u'],
    ['x5c'],
    ['x5t'],
    ['zip'],
    ['cty'],
    ['x'],
    ['__proto__'],
  ])('has no %s (RFC 8725 §3.10)', member => {
    const header = JSON.parse(`{"${member}":["x"]}`)
    expect(parseClientAssertion(makeAssertion({}, header))).toBe(undefined)
  })

  it('comes with a subject, which is text', () => {
    for (const sub of [undefined, null, 1, ['x']])
      expect(parseClientAssertion(makeAssertion({ sub }))).toBe(undefined)
    expect(parseClientAssertion('no JWS')).toBe(undefined)
    expect(parsed({ sub: 'another' })).toMatchObject({ clientId: 'another', kid: 'k1', algorithm: 'ES256' })
  })
})

describe('the claims of a client assertion (RFC 7523 §3)', () => {
  it('are what it is used up by: its identifier, until it expires', () => {
    expect(check({})).toEqual({ jti: 'assertion-1', expiresAt: nowSeconds + 60 })
    expect(check({ exp: nowSeconds + 59.5 })).toEqual({ jti: 'assertion-1', expiresAt: nowSeconds + 60 })
    expect(check({ extra: 1, iat: nowSeconds, nbf: nowSeconds })).toMatchObject({ jti: 'assertion-1' })
  })

  it.each<[string, object, string]>([
    ['no issuer', { iss: undefined }, 'assertion_subject_mismatch'],
    ['another issuer', { iss: 'other' }, 'assertion_subject_mismatch'],
    ['no audience', { aud: undefined }, 'assertion_audience_mismatch'],
    ['the token endpoint', { aud: `${issuer}/token` }, 'assertion_audience_mismatch'],
    ['the issuer in a list', { aud: [issuer] }, 'assertion_audience_mismatch'],
    ['the issuer with a slash', { aud: `${issuer}/` }, 'assertion_audience_mismatch'],
    ['no identifier', { jti: undefined }, 'assertion_claims_malformed'],
    ['an empty identifier', { jti: '' }, 'assertion_claims_malformed'],
    ['a number for one', { jti: 1 }, 'assertion_claims_malformed'],
    ['an identifier too long', { jti: 'x'.repeat(257) }, 'assertion_claims_malformed'],
    ['no end', { exp: undefined }, 'assertion_claims_malformed'],
    ['text for an end', { exp: String(nowSeconds + 60) }, 'assertion_claims_malformed'],
    ['a negative end', { exp: -1 }, 'assertion_claims_malformed'],
    ['zero', { exp: 0 }, 'assertion_claims_malformed'],
    ['text for nbf', { nbf: '1' }, 'assertion_claims_malformed'],
    ['null for iat', { iat: null }, 'assertion_claims_malformed'],
    ['an end in this second', { exp: nowSeconds }, 'assertion_expired'],
    ['an end five minutes ago', { exp: nowSeconds - 300 }, 'assertion_expired'],
    ['301 seconds', { exp: nowSeconds + 301 }, 'assertion_lifetime_too_long'],
    ['a beginning 11 s ahead', { nbf: nowSeconds + 11 }, 'assertion_not_yet_valid'],
    ['a making 11 s ahead', { iat: nowSeconds + 11 }, 'assertion_not_yet_valid'],
  ])('are refused with %s', (_, changes, reason) => {
    expect(check(changes)).toBe(reason)
  })

  it.each<[string, object]>([
    ['a second', { exp: nowSeconds + 1 }],
    ['300 seconds', { exp: nowSeconds + 300 }],
    ['a beginning 10 s ahead', { nbf: nowSeconds + 10 }],
    ['a making 10 s ahead', { iat: nowSeconds + 10 }],
    ['a making long ago', { iat: nowSeconds - 86_400 }],
    ['the longest identifier', { jti: 'x'.repeat(256) }],
  ])('hold with %s', (_, changes) => {
    expect(check(changes)).toMatchObject({ jti: expect.any(String) })
  })
})

describe('the key of a client assertion', () => {
  const other = { ...clientKey('EdDSA'), kid: 'k2' }

  it('is the one that it names', () => {
    expect(verifyAssertion(parsed(), [clientKey('ES256'), other])).toBe('ok')
    expect(verifyAssertion(parsed(), [{ ...clientKey('ES256'), kid: 'k3' }, other])).toBe(
      'assertion_key_unknown',
    )
    expect(verifyAssertion(parsed({}, { kid: 'k2' }), [clientKey('ES256'), other])).toBe(
      'assertion_key_unknown',
    )
  })

  it('is the only one where it names none', () => {
    const unnamed = parsed({}, { kid: undefined })
    expect(verifyAssertion(unnamed, [clientKey('ES256')])).toBe('ok')
    expect(verifyAssertion(unnamed, [{ ...clientKey('ES256'), kid: undefined }])).toBe('ok')
    expect(verifyAssertion(unnamed, [clientKey('ES256'), other])).toBe('assertion_key_unknown')
    expect(verifyAssertion(unnamed, [])).toBe('assertion_key_unknown')
  })

  it('is for one algorithm, whatever the header says (RFC 8725 §3.1)', () => {
    const claimed = parseClientAssertion(makeAssertion({}, { alg: 'RS256' }, 'PS256'))
    if (claimed === undefined) throw new Error('not parsed')
    expect(verifyAssertion(claimed, [clientKey('PS256')])).toBe('assertion_key_unknown')
  })

  it('has signed it', () => {
    const [first = '', , third = ''] = makeAssertion().split('.')
    const payload = Buffer.from(JSON.stringify({ ...assertionClaims, jti: 'other' })).toString('base64url')
    const forged = parseClientAssertion(`${first}.${payload}.${third}`)
    if (forged === undefined) throw new Error('not parsed')
    expect(verifyAssertion(forged, [clientKey('ES256')])).toBe('assertion_signature_invalid')
  })
})
