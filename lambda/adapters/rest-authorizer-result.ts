import type { AccessDecision } from '../oauth/authorize.ts'
import type { InvokePolicies, InvokePolicy } from '../oauth/invoke-policy.ts'
import { usageIdentifier } from '../oauth/usage-identifier.ts'
import { type AuthorizerContext, authorizerContext } from './authorizer-result.ts'

/** The answer of a REST API's Lambda authorizer; `context` is at `requestContext.authorizer` of the integration. */
export interface RestAuthorizerResult {
  readonly principalId: string
  readonly policyDocument: InvokePolicy
  readonly context?: AuthorizerContext
  /** The value of the API key by which a usage plan counts the request. */
  readonly usageIdentifierKey?: string
}

const nothing: InvokePolicy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: 'execute-api:Invoke', Resource: ['*'] }],
}

/**
 * Maps a decision to what a REST API understands:
 *
 * - allowed, `insufficient_scope`: the policy of the token, which denies the request by name in the latter case; a
 *   denial is the gateway response `ACCESS_DENIED`, 403
 * - `invalid_token`: the error of that very text, which is `UNAUTHORIZED`, 401
 * - failed: any other error, which is `AUTHORIZER_FAILURE`, 500; errors are never cached
 *
 * @throws Error `Unauthorized`, or the reason of the failure
 */
export function restAuthorizerResult(
  decision: AccessDecision,
  request: { readonly methodArn: string; readonly stageArn: string } | undefined,
  policies: InvokePolicies,
): RestAuthorizerResult {
  if (decision.outcome === 'failed') throw new Error(decision.reason)
  if (decision.outcome === 'refused' && decision.error === 'invalid_token') throw new Error('Unauthorized')
  const { token } = decision
  if (token === undefined || request === undefined) return { principalId: 'unknown', policyDocument: nothing }
  const refused = decision.outcome === 'refused' ? request.methodArn : undefined
  return {
    principalId: token.clientId,
    policyDocument: policies.policy(token.scope, request.stageArn, refused),
    context: authorizerContext(token),
  }
}

/** The same answer, which names the client whose token it is about to API Gateway's usage plans. */
export function withUsageIdentifier(result: RestAuthorizerResult): RestAuthorizerResult {
  if (result.context === undefined) return result
  return { ...result, usageIdentifierKey: usageIdentifier(result.context.clientId) }
}
