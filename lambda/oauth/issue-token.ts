import { type Sign, signAccessToken } from './access-token.ts'
import { buildAccessTokenClaims } from './access-token-claims.ts'
import {
  authenticateClient,
  type ClientAuthenticationPorts,
  recordSecretUse,
} from './client-authentication.ts'
import type { DecisionFacts } from './decision-facts.ts'
import { jsonResponse } from './endpoint-response.ts'
import { parseForm } from './form.ts'
import { grantAccess } from './grant.ts'
import type { HttpRequest, HttpResponse } from './http.ts'
import type { FindResourceServer } from './resource-server.ts'
import { formatScope } from './scope.ts'
import type { SigningKey } from './signing-key.ts'
import { parseTokenRequest } from './token-request.ts'

export interface TokenEndpoint extends ClientAuthenticationPorts {
  /** Seconds; a resource server and a client may have their own. */
  readonly accessTokenLifetimeSeconds: number
  readonly findResourceServer: FindResourceServer
  /** The keys to sign with, the first that can be used. @throws Unavailable */
  readonly findSigningKeys: (nowSeconds: number) => Promise<readonly SigningKey[]>
  readonly sign: Sign
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
  const authentication = await authenticateClient(request, form, endpoint, nowSeconds, facts)
  const { client } = authentication
  const grant = grantAccess(client, tokenRequest)
  facts.audience = grant.audience
  facts.scope = formatScope(grant.scope)
  const resourceServer = await endpoint.findResourceServer(grant)
  const lifetime =
    client.accessTokenLifetimeSeconds ??
    resourceServer.accessTokenLifetimeSeconds ??
    endpoint.accessTokenLifetimeSeconds
  const jti = endpoint.newTokenId()
  const claims = buildAccessTokenClaims(endpoint.issuer, client, grant, lifetime, nowSeconds, jti)
  const keys = await endpoint.findSigningKeys(nowSeconds)
  const accessToken = await signAccessToken(claims, keys, endpoint.sign)
  facts.jti = jti
  await recordSecretUse(authentication, endpoint, nowSeconds)
  return jsonResponse({
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: lifetime,
    scope: claims.scope,
  })
}
