import { Token } from 'aws-cdk-lib'
import { isResourceIndicator, maxResourceLength } from '../lambda/oauth/resource-indicator.ts'
import type { ScopeRequirement } from '../lambda/oauth/route-table.ts'
import { isScopeToken } from '../lambda/oauth/scope.ts'

/** What a route asks of an access token. */
export interface AuthorizeOptions {
  /**
   * The API's resource indicator (RFC 8707 §2), which a token must name as its `aud`: an absolute URI without a
   * fragment, at most 512 characters, compared character by character. All routes of an API have the same one. A
   * deploy-time value is taken as it is.
   */
  readonly audience: string

  /**
   * Scopes that a token must all have: scope tokens (RFC 6749 §3.3), at least one, each once, known at synthesis.
   *
   * @default - `anyOf` is given instead; exactly one of the two must be
   */
  readonly allOf?: readonly string[]

  /**
   * Scopes of which a token must have one or more: scope tokens (RFC 6749 §3.3), at least one, each once, known at
   * synthesis.
   *
   * @default - `allOf` is given instead; exactly one of the two must be
   */
  readonly anyOf?: readonly string[]
}

/** @throws Error when the audience cannot be any token's `aud` */
export function checkAudience(audience: string): string {
  // Types do not hold for what comes from JavaScript.
  if (!Token.isUnresolved(audience) && !(typeof audience === 'string' && isResourceIndicator(audience))) {
    throw new Error(
      `audience must be an absolute URI without a fragment (RFC 8707 §2), in its normal spelling, of at most ${maxResourceLength} characters, got "${audience}": use the API's identifier, such as "https://orders.example.com"`,
    )
  }
  return audience
}

/** @throws Error when it is not exactly one non-empty list of distinct scope tokens */
export function parseRequirement({ allOf, anyOf }: AuthorizeOptions): ScopeRequirement {
  if (allOf !== undefined && anyOf !== undefined) {
    throw new Error('authorize must have exactly one of allOf and anyOf, got both: keep one')
  }
  if (allOf !== undefined) return { allOf: checkScopes('allOf', allOf) }
  if (anyOf !== undefined) return { anyOf: checkScopes('anyOf', anyOf) }
  throw new Error(
    'authorize must have exactly one of allOf and anyOf, got neither: name the scopes, or attach no authorizer to an open route',
  )
}

/** The scopes in one order, whatever the order they are written in: the route table is the same file for both. */
function checkScopes(list: string, scopes: readonly string[]): readonly string[] {
  if (!Array.isArray(scopes)) {
    throw new Error(`${list} must be a list of scopes, got ${JSON.stringify(scopes)}: put them into brackets`)
  }
  if (scopes.length === 0) {
    throw new Error(
      `${list} must name at least one scope, got none: name the scopes, or attach no authorizer to an open route`,
    )
  }
  for (const scope of scopes) {
    if (Token.isUnresolved(scope)) {
      throw new Error(
        `${list} must be known at synthesis, got a token: write the scopes, not a deploy-time value`,
      )
    }
    if (typeof scope !== 'string' || !isScopeToken(scope)) {
      throw new Error(
        `${list} must hold scope tokens (RFC 6749 §3.3), got "${scope}": use printable ASCII without spaces, quotes and backslashes, one scope an item`,
      )
    }
  }
  const repeated = scopes.find((scope, index) => scopes.indexOf(scope) !== index)
  if (repeated !== undefined)
    throw new Error(`${list} must name each scope once, got "${repeated}" twice: remove one`)
  return scopes.toSorted()
}
