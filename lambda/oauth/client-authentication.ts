import { type BasicCredentials, parseBasicCredentials } from './basic-credentials.ts'
import { type Client, isClientId, type TokenEndpointAuthMethod } from './client.ts'
import { type ClientSecret, decoySecret, matchSecret } from './client-secret.ts'
import type { DecisionFacts } from './decision-facts.ts'
import type { Form } from './form.ts'
import type { HttpRequest } from './http.ts'
import { OAuthError, type RefusalReason } from './oauth-error.ts'

declare const authenticated: unique symbol

/** A client that proved who it is. Only `authenticateClient` makes one. */
export type AuthenticatedClient = Client & { readonly [authenticated]: true }

export interface ClientAuthentication {
  readonly client: AuthenticatedClient
  /** The secret that was used; its day of last use is worth recording. */
  readonly secret: ClientSecret
}

/** Reads one client, strongly consistent; undefined when there is none, 'malformed' when its record cannot be trusted. */
export type FindClient = (clientId: string) => Promise<Client | 'malformed' | undefined>

interface PresentedCredentials extends BasicCredentials {
  readonly method: TokenEndpointAuthMethod
}

/**
 * Authenticates the client by its registered method and no other (RFC 6749 §2.3.1, RFC 7591 §2). An unknown client, a
 * disabled one, a wrong and an expired secret take the same steps to the same answer.
 *
 * @throws OAuthError `invalid_client`, or `invalid_request` when the request authenticates in two ways
 */
export async function authenticateClient(
  request: HttpRequest,
  form: Form,
  findClient: FindClient,
  nowSeconds: number,
  facts: DecisionFacts,
): Promise<ClientAuthentication> {
  const presented = parseClientCredentials(request, form)
  if (!isClientId(presented.clientId)) throw new OAuthError('client_unknown')
  const found = await findClient(presented.clientId)
  const client = found === undefined || found === 'malformed' ? undefined : found
  const secret = matchSecret(presented.clientSecret, client?.secrets ?? [decoySecret], nowSeconds)
  const reason = refusal(found, presented.method, secret.match)
  // Only the identifier of a registered client is recorded: anything else may be a secret in the wrong field.
  if (found !== undefined) facts.clientId = presented.clientId
  if (reason !== undefined || client === undefined || secret.match !== 'live') {
    throw new OAuthError(reason ?? 'client_unknown')
  }
  return { client: client as AuthenticatedClient, secret: secret.secret }
}

function refusal(
  found: Client | 'malformed' | undefined,
  method: TokenEndpointAuthMethod,
  match: 'live' | 'expired' | 'none',
): RefusalReason | undefined {
  if (found === undefined) return 'client_unknown'
  if (found === 'malformed') return 'client_record_invalid'
  if (match === 'none') return 'secret_wrong'
  if (match === 'expired') return 'secret_expired'
  if (found.status !== 'active') return 'client_disabled'
  if (found.tokenEndpointAuthMethod !== method) return 'auth_method_not_registered'
  return undefined
}

function parseClientCredentials(request: HttpRequest, form: Form): PresentedCredentials {
  const authorization = request.headers.authorization
  const formClientId = form.get('client_id')
  const formClientSecret = form.get('client_secret')
  if (authorization === undefined) {
    if (formClientId === undefined || formClientSecret === undefined)
      throw new OAuthError('credentials_missing')
    if (form.has('client_assertion')) throw new OAuthError('credentials_repeated')
    return { method: 'client_secret_post', clientId: formClientId, clientSecret: formClientSecret }
  }
  // The gateway joins repeated headers with a comma, which no Basic credential contains.
  if (authorization.includes(',')) throw new OAuthError('authorization_repeated')
  const basic = parseBasicCredentials(authorization)
  if (basic === 'malformed-escape') throw new OAuthError('parameter_malformed')
  if (basic === 'malformed') throw new OAuthError('credentials_malformed')
  if (formClientSecret !== undefined || form.has('client_assertion'))
    throw new OAuthError('credentials_repeated')
  if (formClientId !== undefined && formClientId !== basic.clientId)
    throw new OAuthError('client_id_mismatch')
  return { method: 'client_secret_basic', ...basic }
}
