import type { AccessDecision } from '../lambda/oauth/authorize.ts'
import type { HttpResponse } from '../lambda/oauth/http.ts'
import { OAuthError } from '../lambda/oauth/oauth-error.ts'
import type { ScopeRequirement } from '../lambda/oauth/route-table.ts'
import { formatScope } from '../lambda/oauth/scope.ts'
import type { GuardOptions } from './guard-options.ts'

export type Refusal = Exclude<AccessDecision, { readonly outcome: 'allowed' }>

/** RFC 6750 §3.1: the codes, their status, and all that a caller is told. Nothing of the request is part of an answer. */
const errors = {
  invalid_request: [400, 'the Authorization header must be Bearer, one space and one token'],
  invalid_token: [401, 'the access token is malformed, expired, revoked or not for this resource'],
  insufficient_scope: [403, 'the access token lacks scope'],
} as const

type ErrorCode = keyof typeof errors

/** The response to a request that may not pass. */
export function refusalResponse(
  refusal: Refusal,
  requirement: ScopeRequirement,
  settings: Pick<GuardOptions, 'realm' | 'resourceMetadata'>,
): HttpResponse {
  if (refusal.outcome === 'failed') return failureResponse(refusal.reason)
  const code = errorCode(refusal)
  // RFC 6750 §3.1: who sent no token is told of no error.
  if (code === undefined) return response(401, challenge({}, settings))
  const [status, description] = errors[code]
  const details = {
    error: code,
    error_description: code === 'insufficient_scope' ? scopeDescription(requirement) : description,
    ...(code === 'insufficient_scope' && { scope: formatScope(requirement.allOf ?? requirement.anyOf) }),
  }
  return response(status, challenge(details, settings), details)
}

function errorCode({ error, reason }: Extract<Refusal, { outcome: 'refused' }>): ErrorCode | undefined {
  switch (reason) {
    case 'credentials_missing':
    // "an unsupported authentication method"
    case 'scheme_unsupported':
      return undefined
    case 'credentials_malformed':
      return 'invalid_request'
    default:
      return error
  }
}

/** The attribute `scope` is a list, which cannot say whether all of it is needed. */
function scopeDescription({ allOf }: ScopeRequirement): string {
  return `${errors.insufficient_scope[1]}: it needs ${allOf === undefined ? 'one' : 'all'} of those in scope`
}

/** It cannot be known: no challenge, as another token would not help. */
function failureResponse(reason: Extract<Refusal, { outcome: 'failed' }>['reason']): HttpResponse {
  const { status, code, description, retryAfterSeconds } = new OAuthError(reason)
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  return response(status, headers, { error: code, error_description: description })
}

/** RFC 6750 §3 and RFC 9728 §5.1. No value has a quote or backslash: options are checked, scope tokens have none. */
function challenge(
  details: Readonly<Record<string, string>>,
  { realm, resourceMetadata }: Pick<GuardOptions, 'realm' | 'resourceMetadata'>,
): Record<string, string> {
  const attributes = Object.entries({ realm, ...details, resource_metadata: resourceMetadata })
  const written = attributes.flatMap(([name, value]) => (value === undefined ? [] : `${name}="${value}"`))
  return { 'www-authenticate': ['Bearer', written.join(', ')].join(' ').trim() }
}

function response(status: number, headers: Record<string, string>, body?: object): HttpResponse {
  return {
    status,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      'cache-control': 'no-store',
      ...headers,
    },
    body: body === undefined ? '' : JSON.stringify(body),
  }
}
