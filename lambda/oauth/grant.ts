import type { ResourceGrant } from './client.ts'
import type { AuthenticatedClient } from './client-authentication.ts'
import { OAuthError } from './oauth-error.ts'
import type { TokenRequest } from './token-request.ts'

/** What a token will carry: one audience, and scopes that are all registered for it. */
export interface Grant {
  readonly audience: string
  readonly scope: readonly string[]
}

/**
 * Grants what was requested, wholly or not at all (RFC 6749 §3.3, RFC 8707 §2). An absent scope grants the registered
 * set of the audience; an absent resource means the client's only one.
 *
 * @throws OAuthError `invalid_target` or `invalid_scope`
 */
export function grantAccess(client: AuthenticatedClient, request: TokenRequest): Grant {
  const registered = registeredGrant(client.grants, request.resource)
  if (request.requestedScope === undefined) return { audience: registered.resource, scope: registered.scope }
  const allRegistered = request.requestedScope.every(scope => registered.scope.includes(scope))
  if (!allRegistered) throw new OAuthError('scope_not_granted')
  return { audience: registered.resource, scope: request.requestedScope }
}

function registeredGrant(grants: readonly ResourceGrant[], resource: string | undefined): ResourceGrant {
  if (resource === undefined && grants.length > 1) throw new OAuthError('resource_missing')
  const found = resource === undefined ? grants[0] : grants.find(grant => grant.resource === resource)
  if (found === undefined) throw new OAuthError('resource_not_granted')
  return found
}
