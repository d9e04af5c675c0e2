import { type Sign, signAccessToken } from './access-token.ts'
import { buildAccessTokenClaims } from './access-token-claims.ts'
import { authenticateClient, type FindClient } from './client-authentication.ts'
import type { DecisionFacts } from './decision-facts.ts'
import { jsonResponse } from './endpoint-response.ts'
import { parseForm } from './form.ts'
import { grantAccess } from './grant.ts'
import type { HttpRequest, HttpResponse } from './http.ts'
import { formatScope } from './scope.ts'
import type { SigningKey } from './signing-key.ts'
import { parseTokenRequest } from './token-request.ts'

export interface TokenEndpoint {
  readonly issuer: string
  /** Seconds; a client may have its own. */
  readonly accessTokenLifetimeSeconds: number
  readonly findClient: FindClient
  readonly findSigningKey: (nowSeconds: number) => Promise<SigningKey>
  readonly sign: Sign
  /** Notes the day on which a secret was used; never fails. */
  readonly recordSecretUse: (clientId: string, secretId: string, nowSeconds: number) => Promise<void>
  readonly newTokenId: () => string
}

/**
 * The token endpoint: the client credentials grant (RFC 6749 §4.4) for one audience (RFC 8707), answered with a signed
 * JWT access token (RFC 9068).
 *
 * @throws OAuthError for everything that is refused; Unavailable, which is answered 503
 */
export async function issueToken(
  request: HttpRequest,
  endpoint: TokenEndpoint,
  nowSeconds: number,
  facts: DecisionFacts,
): Promise<HttpResponse> {
  const form = parseForm(request)
  const tokenRequest = parseTokenRequest(form)
  const { client, secret } = await authenticateClient(request, form, endpoint.findClient, nowSeconds, facts)
  const grant = grantAccess(client, tokenRequest)
  facts.audience = grant.audience
  facts.scope = formatScope(grant.scope)
  const lifetime = client.accessTokenLifetimeSeconds ?? endpoint.accessTokenLifetimeSeconds
  const jti = endpoint.newTokenId()
  const claims = buildAccessTokenClaims(endpoint.issuer, client, grant, lifetime, nowSeconds, jti)
  const key = await endpoint.findSigningKey(nowSeconds)
  const accessToken = await signAccessToken(claims, key, endpoint.sign)
  facts.jti = jti
  await endpoint.recordSecretUse(client.clientId, secret.secretId, nowSeconds)
  return jsonResponse({
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: lifetime,
    scope: claims.scope,
  })
}
