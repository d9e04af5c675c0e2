/**
 * What is known so far about the decision being made. Steps note it as they establish it, so that a refusal's audit
 * event says whose request it was. Established facts only: nothing that a caller merely claims.
 */
export interface DecisionFacts {
  clientId?: string
  audience?: string
  jti?: string
  scope?: string
}
