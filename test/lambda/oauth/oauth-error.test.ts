import { describe, expect, it } from 'vitest'
import { errorResponse } from '../../../lambda/oauth/endpoint-response.ts'
import { OAuthError, type RefusalReason } from '../../../lambda/oauth/oauth-error.ts'

const codes: Record<RefusalReason, [number, string]> = {
  method_not_allowed: [405, 'invalid_request'],
  query_not_allowed: [400, 'invalid_request'],
  content_type_unsupported: [400, 'invalid_request'],
  body_too_large: [400, 'invalid_request'],
  body_encoding_invalid: [400, 'invalid_request'],
  too_many_parameters: [400, 'invalid_request'],
  parameter_repeated: [400, 'invalid_request'],
  parameter_malformed: [400, 'invalid_request'],
  grant_type_missing: [400, 'invalid_request'],
  grant_type_unsupported: [400, 'unsupported_grant_type'],
  token_missing: [400, 'invalid_request'],
  token_of_other_client: [400, 'unauthorized_client'],
  authorization_repeated: [400, 'invalid_request'],
  credentials_repeated: [400, 'invalid_request'],
  client_id_mismatch: [400, 'invalid_request'],
  credentials_missing: [401, 'invalid_client'],
  credentials_malformed: [401, 'invalid_client'],
  client_unknown: [401, 'invalid_client'],
  client_disabled: [401, 'invalid_client'],
  client_record_invalid: [401, 'invalid_client'],
  auth_method_not_registered: [401, 'invalid_client'],
  secret_wrong: [401, 'invalid_client'],
  secret_expired: [401, 'invalid_client'],
  assertion_incomplete: [400, 'invalid_request'],
  assertion_type_unsupported: [400, 'invalid_request'],
  assertion_too_long: [400, 'invalid_request'],
  assertion_malformed: [401, 'invalid_client'],
  assertion_key_unknown: [401, 'invalid_client'],
  assertion_signature_invalid: [401, 'invalid_client'],
  assertion_subject_mismatch: [401, 'invalid_client'],
  assertion_audience_mismatch: [401, 'invalid_client'],
  assertion_claims_malformed: [401, 'invalid_client'],
  assertion_expired: [401, 'invalid_client'],
  assertion_lifetime_too_long: [401, 'invalid_client'],
  assertion_not_yet_valid: [401, 'invalid_client'],
  assertion_replayed: [401, 'invalid_client'],
  client_keys_unavailable: [401, 'invalid_client'],
  too_many_failures: [429, 'too_many_requests'],
  scope_malformed: [400, 'invalid_scope'],
  scope_not_granted: [400, 'invalid_scope'],
  resource_repeated: [400, 'invalid_target'],
  resource_malformed: [400, 'invalid_target'],
  resource_missing: [400, 'invalid_target'],
  resource_not_granted: [400, 'invalid_target'],
  resource_not_registered: [400, 'invalid_target'],
  scope_not_registered: [400, 'invalid_scope'],
  store_unavailable: [503, 'temporarily_unavailable'],
  signing_unavailable: [503, 'temporarily_unavailable'],
  clock_wrong: [503, 'temporarily_unavailable'],
  signature_invalid: [500, 'server_error'],
  internal_error: [500, 'server_error'],
}
const reasons = Object.keys(codes) as RefusalReason[]

describe('a refusal', () => {
  it.each(reasons)('%s has its code and status (RFC 6749 §5.2)', reason => {
    const error = new OAuthError(reason)
    expect([error.status, error.code]).toEqual(codes[reason])
  })

  it.each(reasons)('%s is described in the characters that are allowed (RFC 6749 §5.2)', reason => {
    expect(new OAuthError(reason).description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  })

  it('of a client’s authentication is one answer, whatever the reason (RFC 6749 §5.2)', () => {
    const answers = reasons
      .filter(reason => codes[reason][1] === 'invalid_client')
      .map(reason => JSON.stringify(errorResponse(new OAuthError(reason))))
    expect(answers).toHaveLength(19)
    expect(new Set(answers).size).toBe(1)
  })

  it('of an outage or a fault tells nobody which part it was', () => {
    const answer = (reason: RefusalReason) => errorResponse(new OAuthError(reason))
    expect(answer('store_unavailable')).toEqual(answer('signing_unavailable'))
    expect(answer('signature_invalid')).toEqual(answer('internal_error'))
  })

  it('keeps its cause for the log, and out of its message', () => {
    const cause = new Error('secret detail')
    const error = new OAuthError('internal_error', { cause })
    expect([error.name, error.message, error.cause]).toEqual(['OAuthError', 'internal_error', cause])
    expect(JSON.stringify(errorResponse(error))).not.toContain('secret detail')
  })
})
