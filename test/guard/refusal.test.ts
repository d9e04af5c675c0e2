import { describe, expect, it } from 'vitest'
import { type Refusal, refusalResponse } from '../../guard/refusal.ts'

const allOf = { allOf: ['orders:read', 'orders:write'] }
const noStore = { 'cache-control': 'no-store' }
const json = { 'content-type': 'application/json', ...noStore }
const settings = {
  realm: 'orders',
  resourceMetadata: 'https://orders.example.com/.well-known/oauth-protected-resource',
}
const metadata = `resource_metadata="${settings.resourceMetadata}"`

const invalidToken = (reason: string) => ({ outcome: 'refused', error: 'invalid_token', reason }) as Refusal
const tooLittle = { outcome: 'refused', error: 'insufficient_scope', reason: 'scope_insufficient' } as Refusal
const failed = (reason: string) => ({ outcome: 'failed', reason }) as Refusal

describe('the response to a request', () => {
  it.each(['credentials_missing', 'scheme_unsupported'])(
    'without a bearer token is a challenge that names no error: %s (RFC 6750 §3.1)',
    reason => {
      expect(refusalResponse(invalidToken(reason), allOf, {})).toEqual({
        status: 401,
        headers: { ...noStore, 'www-authenticate': 'Bearer' },
        body: '',
      })
    },
  )

  it('names the realm and the resource’s metadata in a challenge (RFC 9110 §11.5, RFC 9728 §5.1)', () => {
    const { headers } = refusalResponse(invalidToken('credentials_missing'), allOf, settings)
    expect(headers['www-authenticate']).toBe(`Bearer realm="orders", ${metadata}`)
  })

  it('with a malformed header is 400 invalid_request (RFC 6750 §3.1)', () => {
    const error_description = 'the Authorization header must be Bearer, one space and one token'
    expect(refusalResponse(invalidToken('credentials_malformed'), allOf, {})).toEqual({
      status: 400,
      headers: {
        ...json,
        'www-authenticate': `Bearer error="invalid_request", error_description="${error_description}"`,
      },
      body: JSON.stringify({ error: 'invalid_request', error_description }),
    })
  })

  it.each(['token_malformed', 'token_expired', 'token_revoked', 'audience_mismatch', 'signature_invalid'])(
    'with a token that is not good is the same 401 whatever is wrong: %s (RFC 6750 §3.1)',
    reason => {
      const error_description = 'the access token is malformed, expired, revoked or not for this resource'
      expect(refusalResponse(invalidToken(reason), allOf, settings)).toEqual({
        status: 401,
        headers: {
          ...json,
          'www-authenticate': `Bearer realm="orders", error="invalid_token", error_description="${error_description}", ${metadata}`,
        },
        body: JSON.stringify({ error: 'invalid_token', error_description }),
      })
    },
  )

  it('with too little scope is 403 with the scope that is needed (RFC 6750 §3.1)', () => {
    const error_description = 'the access token lacks scope: it needs all of those in scope'
    expect(refusalResponse(tooLittle, allOf, {})).toEqual({
      status: 403,
      headers: {
        ...json,
        'www-authenticate': `Bearer error="insufficient_scope", error_description="${error_description}", scope="orders:read orders:write"`,
      },
      body: JSON.stringify({
        error: 'insufficient_scope',
        error_description,
        scope: 'orders:read orders:write',
      }),
    })
  })

  it('says so where one of several scopes is enough (RFC 6750 §3)', () => {
    const { headers } = refusalResponse(tooLittle, { anyOf: ['orders:read', 'orders:admin'] }, {})
    expect(headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", error_description="the access token lacks scope: it needs one of those in scope", scope="orders:read orders:admin"',
    )
  })

  it.each(['store_unavailable', 'clock_wrong'])(
    'that cannot be decided is 503 and may be sent again, without a challenge: %s (RFC 9110 §15.6.4)',
    reason => {
      expect(refusalResponse(failed(reason), allOf, settings)).toEqual({
        status: 503,
        headers: { ...json, 'retry-after': '1' },
        body: '{"error":"temporarily_unavailable","error_description":"a dependency cannot be reached: try again shortly"}',
      })
    },
  )

  it('that fails in a way that nobody expected is 500', () => {
    expect(refusalResponse(failed('internal_error'), allOf, settings)).toEqual({
      status: 500,
      headers: json,
      body: '{"error":"server_error","error_description":"the request could not be completed"}',
    })
  })
})
