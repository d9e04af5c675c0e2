import { type BasicCredentials, parseBasicCredentials } from './basic-credentials.ts'
import {
  type ClientAssertion,
  jwtBearerAssertionType,
  maxAssertionLength,
  parseClientAssertion,
} from './client-assertion.ts'
import type { Form } from './form.ts'
import type { HttpRequest } from './http.ts'
import { OAuthError } from './oauth-error.ts'

/** What a request says about its client, by the method that it used. Nothing of it is proven. */
export type ClientCredentials =
  | (BasicCredentials & { readonly method: 'client_secret_basic' | 'client_secret_post' })
  | { readonly method: 'private_key_jwt'; readonly clientId: string; readonly assertion: ClientAssertion }

/**
 * Reads the client's credentials from a request: exactly one way of authentication (RFC 6749 §2.3), and the same
 * client in all that is said of it.
 *
 * @throws OAuthError `invalid_client`, or `invalid_request` when the request authenticates in two ways
 */
export function parseClientCredentials(request: HttpRequest, form: Form): ClientCredentials {
  const { authorization } = request.headers
  const assertion = form.get('client_assertion')
  const assertionType = form.get('client_assertion_type')
  const clientId = form.get('client_id')
  const clientSecret = form.get('client_secret')
  // The gateway joins repeated headers with a comma, which no Basic credential contains.
  if (authorization?.includes(',')) throw new OAuthError('authorization_repeated')
  const ways = [authorization, clientSecret, assertion ?? assertionType].filter(way => way !== undefined)
  if (ways.length > 1) throw new OAuthError('credentials_repeated')
  if (authorization !== undefined) return basicCredentials(authorization, clientId)
  if (assertion !== undefined || assertionType !== undefined) {
    return assertionCredentials(assertion, assertionType, clientId)
  }
  if (clientId === undefined || clientSecret === undefined) throw new OAuthError('credentials_missing')
  return { method: 'client_secret_post', clientId, clientSecret }
}

/** RFC 6749 §2.3.1. A `client_id` in the body may repeat the one in the header. */
function basicCredentials(authorization: string, clientId: string | undefined): ClientCredentials {
  const basic = parseBasicCredentials(authorization)
  if (basic === 'malformed-escape') throw new OAuthError('parameter_malformed')
  if (basic === 'malformed') throw new OAuthError('credentials_malformed')
  if (clientId !== undefined && clientId !== basic.clientId) throw new OAuthError('client_id_mismatch')
  return { method: 'client_secret_basic', ...basic }
}

/** RFC 7521 §4.2: `client_id` is optional, and then the assertion's subject. */
function assertionCredentials(
  text: string | undefined,
  type: string | undefined,
  clientId: string | undefined,
): ClientCredentials {
  if (text === undefined || type === undefined) throw new OAuthError('assertion_incomplete')
  if (type !== jwtBearerAssertionType) throw new OAuthError('assertion_type_unsupported')
  if (text.length > maxAssertionLength) throw new OAuthError('assertion_too_long')
  const assertion = parseClientAssertion(text)
  if (assertion === undefined) throw new OAuthError('assertion_malformed')
  if (clientId !== undefined && clientId !== assertion.clientId) throw new OAuthError('client_id_mismatch')
  return { method: 'private_key_jwt', clientId: assertion.clientId, assertion }
}
