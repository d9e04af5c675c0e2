/**
 * The error codes a client may see, and their HTTP status (RFC 6749 §5.2; RFC 8707 §2 for `invalid_target`). The last two
 * are no codes of RFC 6749: what the endpoints answer when they do not decide (RFC 6585 §4 for 429).
 */
const statusOf = {
  invalid_request: 400,
  invalid_client: 401,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  server_error: 500,
  temporarily_unavailable: 503,
  too_many_requests: 429,
} as const

export type OAuthErrorCode = keyof typeof statusOf

const authenticationFailed = ['invalid_client', 'client authentication failed'] as const

/**
 * Every reason for which the token, revocation or introspection endpoint refuses: the fixed code of the audit event, and the
 * whole of what the client is told. Nothing of the request is ever part of an answer. All failures of client
 * authentication are one answer, so that it tells nobody which clients exist.
 */
const refusals = {
  method_not_allowed: ['invalid_request', 'this endpoint takes POST only'],
  query_not_allowed: ['invalid_request', 'parameters go into the request body, never into the URL'],
  content_type_unsupported: ['invalid_request', 'the content type must be application/x-www-form-urlencoded'],
  body_too_large: ['invalid_request', 'the request body exceeds 16384 bytes'],
  body_encoding_invalid: ['invalid_request', 'the request body is not valid'],
  too_many_parameters: ['invalid_request', 'the request has more than 64 parameters'],
  parameter_repeated: ['invalid_request', 'a parameter is repeated'],
  parameter_malformed: ['invalid_request', 'a parameter is not valid application/x-www-form-urlencoded text'],
  grant_type_missing: ['invalid_request', 'the parameter grant_type is missing'],
  grant_type_unsupported: ['unsupported_grant_type', 'the grant type is not supported'],
  token_missing: ['invalid_request', 'the parameter token is missing'],
  token_of_other_client: ['unauthorized_client', 'the token was not issued to this client'],
  authorization_repeated: ['invalid_request', 'the request has more than one Authorization header'],
  credentials_repeated: ['invalid_request', 'the request authenticates the client in more than one way'],
  client_id_mismatch: ['invalid_request', 'client_id differs from the authenticated client'],
  credentials_missing: authenticationFailed,
  credentials_malformed: authenticationFailed,
  client_unknown: authenticationFailed,
  client_disabled: authenticationFailed,
  client_record_invalid: authenticationFailed,
  auth_method_not_registered: authenticationFailed,
  secret_wrong: authenticationFailed,
  secret_expired: authenticationFailed,
  assertion_incomplete: [
    'invalid_request',
    'client_assertion and client_assertion_type must be sent together',
  ],
  assertion_type_unsupported: ['invalid_request', 'the client_assertion_type is not supported'],
  assertion_too_long: ['invalid_request', 'the client_assertion exceeds 4096 characters'],
  assertion_malformed: authenticationFailed,
  assertion_key_unknown: authenticationFailed,
  assertion_signature_invalid: authenticationFailed,
  assertion_subject_mismatch: authenticationFailed,
  assertion_audience_mismatch: authenticationFailed,
  assertion_claims_malformed: authenticationFailed,
  assertion_expired: authenticationFailed,
  assertion_lifetime_too_long: authenticationFailed,
  assertion_not_yet_valid: authenticationFailed,
  assertion_replayed: authenticationFailed,
  client_keys_unavailable: authenticationFailed,
  too_many_failures: [
    'too_many_requests',
    'too many failed authentications of this client from this address: wait as long as Retry-After says',
  ],
  scope_malformed: ['invalid_scope', 'the scope is not a list of scope tokens separated by single spaces'],
  scope_not_granted: ['invalid_scope', 'a requested scope is not granted to this client for this resource'],
  resource_repeated: ['invalid_target', 'one resource can be requested at a time'],
  resource_malformed: ['invalid_target', 'the resource must be an absolute URI without a fragment'],
  resource_missing: [
    'invalid_target',
    'this client has several resources: name one with the parameter resource',
  ],
  resource_not_granted: ['invalid_target', 'the resource is not granted to this client'],
  resource_not_registered: ['invalid_target', 'the resource is not registered'],
  scope_not_registered: ['invalid_scope', 'a requested scope is not registered for this resource'],
  store_unavailable: ['temporarily_unavailable', 'a dependency cannot be reached: try again shortly'],
  signing_unavailable: ['temporarily_unavailable', 'a dependency cannot be reached: try again shortly'],
  clock_wrong: ['temporarily_unavailable', 'a dependency cannot be reached: try again shortly'],
  signature_invalid: ['server_error', 'the request could not be completed'],
  internal_error: ['server_error', 'the request could not be completed'],
} as const satisfies Record<string, readonly [OAuthErrorCode, string]>

export type RefusalReason = keyof typeof refusals

/**
 * A refusal by the token, revocation or introspection endpoint. `reason` is for the audit log; `toResponse` is all that a client sees.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly reason: RefusalReason
  /** Seconds after which the same request may pass; undefined = it is refused for what it is. */
  readonly retryAfterSeconds: number | undefined

  constructor(reason: RefusalReason, options?: ErrorOptions & { readonly retryAfterSeconds?: number }) {
    super(reason, options)
    this.reason = reason
    this.retryAfterSeconds = options?.retryAfterSeconds ?? (this.status === 503 ? 1 : undefined)
  }

  get code(): OAuthErrorCode {
    return refusals[this.reason][0]
  }

  /** The public text: RFC 6749 §5.2 `error_description`, one constant a reason. */
  get description(): string {
    return refusals[this.reason][1]
  }

  get status(): number {
    return this.reason === 'method_not_allowed' ? 405 : statusOf[this.code]
  }
}
