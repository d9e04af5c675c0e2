import type { Form } from './form.ts'
import { OAuthError } from './oauth-error.ts'
import { isResourceIndicator } from './resource-indicator.ts'
import { parseScope } from './scope.ts'

/** A client credentials token request (RFC 6749 §4.4.2 with RFC 8707 §2). */
export interface TokenRequest {
  /** The requested scopes; undefined = everything registered for the audience. */
  readonly requestedScope: readonly string[] | undefined
  /** The requested audience; undefined = the client's only one. */
  readonly resource: string | undefined
}

/**
 * @throws OAuthError `invalid_request`, `unsupported_grant_type`, `invalid_scope`, `invalid_target`
 */
export function parseTokenRequest(form: Form): TokenRequest {
  const grantType = form.get('grant_type')
  if (grantType === undefined) throw new OAuthError('grant_type_missing')
  if (grantType !== 'client_credentials') throw new OAuthError('grant_type_unsupported')
  const resource = form.get('resource')
  if (resource !== undefined && !isResourceIndicator(resource)) throw new OAuthError('resource_malformed')
  return { requestedScope: parseRequestedScope(form.get('scope')), resource }
}

function parseRequestedScope(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  const requested = parseScope(text)
  if (requested === undefined) throw new OAuthError('scope_malformed')
  return requested
}
