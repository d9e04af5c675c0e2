import { describe, expect, it } from 'vitest'
import { emptyResponse, errorResponse, jsonResponse } from '../../../lambda/oauth/endpoint-response.ts'
import { OAuthError, type RefusalReason } from '../../../lambda/oauth/oauth-error.ts'

const noStore = { 'cache-control': 'no-store', pragma: 'no-cache' }
const json = { 'content-type': 'application/json', ...noStore }

describe('a response', () => {
  it('with a token is JSON that nobody keeps (RFC 6749 §5.1)', () => {
    const expected = { status: 200, headers: json, body: '{"access_token":"x"}' }
    expect(jsonResponse({ access_token: 'x' })).toEqual(expected)
  })

  it('to a revocation is empty (RFC 7009 §2.2)', () => {
    expect(emptyResponse()).toEqual({ status: 200, headers: noStore, body: '' })
  })

  it.each<[RefusalReason, number, Record<string, string>, string, string]>([
    ['grant_type_missing', 400, {}, 'invalid_request', 'the parameter grant_type is missing'],
    [
      'secret_wrong',
      401,
      { 'www-authenticate': 'Basic realm="countersign", charset="UTF-8"' },
      'invalid_client',
      'client authentication failed',
    ],
    ['method_not_allowed', 405, { allow: 'POST' }, 'invalid_request', 'this endpoint takes POST only'],
    ['internal_error', 500, {}, 'server_error', 'the request could not be completed'],
    [
      'store_unavailable',
      503,
      { 'retry-after': '1' },
      'temporarily_unavailable',
      'a dependency cannot be reached: try again shortly',
    ],
  ])('to %s is %i with its headers (RFC 6749 §5.2)', (reason, status, headers, error, error_description) => {
    expect(errorResponse(new OAuthError(reason))).toEqual({
      status,
      headers: { ...json, ...headers },
      body: JSON.stringify({ error, error_description }),
    })
  })

  it('shares no header with the response before it', () => {
    errorResponse(new OAuthError('secret_wrong'))
    expect(errorResponse(new OAuthError('grant_type_missing')).headers).toEqual(json)
    expect(jsonResponse({}).headers).toEqual(json)
  })
})
