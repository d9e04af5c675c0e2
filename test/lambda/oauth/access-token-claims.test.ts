import { describe, expect, it } from 'vitest'
import { buildAccessTokenClaims } from '../../../lambda/oauth/access-token-claims.ts'
import { audience, clientId, issuer, nowSeconds } from './support/token-maker.ts'

const grant = { audience, scope: ['b', 'a'] }
const build = (tokensRevokedUpTo: number, lifetimeSeconds = 600) =>
  buildAccessTokenClaims(issuer, { clientId, tokensRevokedUpTo }, grant, lifetimeSeconds, nowSeconds, 'id')

describe('the claims of an access token', () => {
  it('are those that the profile requires, and no others (RFC 9068 §2.2)', () => {
    expect(build(0)).toEqual({
      iss: issuer,
      sub: clientId,
      client_id: clientId,
      aud: audience,
      scope: 'b a',
      iat: nowSeconds,
      exp: nowSeconds + 600,
      jti: 'id',
    })
  })

  it.each([
    ['long past', 1, nowSeconds],
    ['the last second', nowSeconds - 1, nowSeconds],
    ['this second', nowSeconds, nowSeconds + 1],
    ['still to come', nowSeconds + 5, nowSeconds + 6],
  ])('start after the client’s moment when that is %s, with a whole lifetime', (_, moment, iat) => {
    const claims = build(moment, 60)
    expect([claims.iat, claims.exp]).toEqual([iat, iat + 60])
  })
})
