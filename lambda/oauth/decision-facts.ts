/**
 * What is known so far about the decision being made. Steps note it as they establish it, so that a refusal's audit
 * event says whose request it was. Established facts only: nothing that a caller merely claims.
 */
export interface DecisionFacts {
  /** The client, once it has authenticated or a token of it was verified. */
  clientId?: string
  /** The resource server that the token is for, or was asked for (RFC 8707). */
  audience?: string
  /** The token's identifier (RFC 7519 §4.1.7). */
  jti?: string
  /** The token's scope, or what was granted (RFC 6749 §3.3). */
  scope?: string
}
