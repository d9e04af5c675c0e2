import type { BearerRefusal } from './bearer-token.ts'
import { parseBearerToken } from './bearer-token.ts'
import { checkTimes } from './check-claims.ts'
import type { RevocableToken } from './revocation.ts'
import { type RouteTable, satisfies } from './route-table.ts'
import { Unavailable } from './unavailable.ts'
import type { VerifiedTokenMemory } from './verified-token-memory.ts'
import {
  type AccessTokenVerification,
  type TokenRefusal,
  type VerifiedToken,
  verifyAccessToken,
} from './verify-access-token.ts'

/** What the authorizer looks at: nothing else of a request can change its decision. */
export interface ResourceRequest {
  /** The route that the gateway chose, e.g. `GET /orders/{id}`; never the path as sent. */
  readonly routeKey: string
  readonly authorization: string | undefined
}

export type RouteRefusal = 'route_unknown' | 'scope_insufficient' | 'event_unsupported'

/** RFC 6750 §3.1: `invalid_token` for anything wrong with the token, `insufficient_scope` for too little of it. */
export type AccessDecision =
  | { readonly outcome: 'allowed'; readonly token: VerifiedToken }
  | {
      readonly outcome: 'refused'
      readonly error: 'invalid_token' | 'insufficient_scope'
      readonly reason: BearerRefusal | TokenRefusal | 'token_revoked' | RouteRefusal
      readonly token?: VerifiedToken
    }
  | { readonly outcome: 'failed'; readonly reason: 'store_unavailable' | 'clock_wrong' | 'internal_error' }

export interface ProtectedApi extends AccessTokenVerification {
  readonly routes: RouteTable
  readonly memory: VerifiedTokenMemory
  /** The trusted key with this identifier, from memory alone. */
  readonly findKnownKey: (kid: string) => unknown
  /** @param text the token itself, for who has to ask the issuer (RFC 7662). @throws Unavailable */
  readonly isRevoked: (token: RevocableToken, text: string) => Promise<boolean>
}

/**
 * Decides whether a request may pass. A refusal is a value; an outage fails closed, as a refusal that is worth a
 * retry.
 */
export async function authorize(
  request: ResourceRequest,
  api: ProtectedApi,
  nowSeconds: number,
): Promise<AccessDecision> {
  try {
    const bearer = parseBearerToken(request.authorization)
    if (typeof bearer === 'string') return invalidToken(bearer)
    const token =
      recallToken(bearer.token, api, nowSeconds) ?? (await verifyAndRemember(bearer.token, api, nowSeconds))
    if (typeof token === 'string') return invalidToken(token)
    if (await api.isRevoked(token, bearer.token)) return { ...invalidToken('token_revoked'), token }
    const requirement = api.routes.get(request.routeKey)
    if (requirement === undefined) return insufficientScope('route_unknown', token)
    if (!satisfies(token.scope, requirement)) return insufficientScope('scope_insufficient', token)
    return { outcome: 'allowed', token }
  } catch (error) {
    if (error instanceof Unavailable) return { outcome: 'failed', reason: 'store_unavailable' }
    throw error
  }
}

/** The token as verified before, when its key is still trusted and its time has not run out. */
function recallToken(text: string, api: ProtectedApi, nowSeconds: number): VerifiedToken | undefined {
  const token = api.memory.get(text)
  if (token === undefined) return undefined
  if (checkTimes(token.claims, nowSeconds) === undefined && api.findKnownKey(token.kid) !== undefined)
    return token
  api.memory.delete(text)
  return undefined
}

async function verifyAndRemember(
  text: string,
  api: ProtectedApi,
  nowSeconds: number,
): Promise<VerifiedToken | TokenRefusal> {
  const token = await verifyAccessToken(text, api, nowSeconds)
  if (typeof token !== 'string') api.memory.set(text, token)
  return token
}

function invalidToken(reason: BearerRefusal | TokenRefusal | 'token_revoked') {
  return { outcome: 'refused', error: 'invalid_token', reason } as const
}

function insufficientScope(reason: 'route_unknown' | 'scope_insufficient', token: VerifiedToken) {
  return { outcome: 'refused', error: 'insufficient_scope', reason, token } as const
}
