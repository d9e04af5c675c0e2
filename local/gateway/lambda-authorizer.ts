import type { InvocationOutcome } from '../functions/process.ts'
import { DecisionCache } from './decision-cache.ts'
import { authorizerEvent, type RequestScope, routeArn } from './event.ts'
import { type IdentitySource, parseIdentitySource } from './identity-source.ts'
import { allowsInvoke, type InvokePolicy, parsePolicy } from './policy.ts'
import type { GatewayRequest } from './request.ts'
import { forbidden, type GatewayResponse, internalServerError, unauthorized } from './response.ts'

/** What an authorizer made of a request: the context for the integration, or the response that refuses it. */
export type Authorization = { context: unknown } | { refusal: GatewayResponse; problem?: string }

/** An authorizer of type REQUEST, payload format 2.0, as its template describes it. */
export interface LambdaAuthorizerSettings {
  id: string
  functionArn: string
  /** Expressions such as `$request.header.Authorization`. */
  identitySource: string[]
  /** 0: nothing is cached. */
  timeToLiveSeconds: number
  /** Whether results are `{isAuthorized, context}` instead of `{principalId, policyDocument, context}`. */
  simpleResponses: boolean
  monotonicMilliseconds?: () => number
}

/** A decision as it is cached: a policy is applied to each route, a simple response to all alike. */
type Decision = { context: unknown } & ({ isAuthorized: boolean } | { policy: InvokePolicy })

/** Runs an authorizer function and keeps its decisions. */
export class LambdaAuthorizer {
  readonly id: string
  readonly functionArn: string
  readonly #settings: LambdaAuthorizerSettings
  readonly #identitySources: IdentitySource[]
  readonly #decisions: DecisionCache<Decision>

  /** @throws where an identity source is none that the local run knows */
  constructor(settings: LambdaAuthorizerSettings) {
    this.id = settings.id
    this.functionArn = settings.functionArn
    this.#settings = settings
    this.#identitySources = settings.identitySource.map(parseIdentitySource)
    this.#decisions = new DecisionCache(settings.timeToLiveSeconds, settings.monotonicMilliseconds)
  }

  /**
   * Decides on a request. `invoke` runs the function with an event; it resolves to `undefined` when the
   * function took too long.
   */
  async authorize(
    request: GatewayRequest,
    scope: RequestScope,
    invoke: (event: string) => Promise<InvocationOutcome | undefined>,
  ): Promise<Authorization> {
    const identity = this.#identitySources.map(source => source(request, scope) ?? '')
    if (identity.includes('')) return { refusal: unauthorized }
    const cacheKey = [scope.stage, ...identity]
    const cached = this.#decisions.get(cacheKey)
    if (cached !== undefined) return apply(cached, request, scope)

    const outcome = await invoke(authorizerEvent(request, scope, identity.length === 0 ? null : identity))
    if (outcome === undefined) return failure('the authorizer function timed out')
    if ('failure' in outcome)
      return saysUnauthorized(outcome.failure)
        ? { refusal: unauthorized }
        : failure(`the authorizer function failed: ${outcome.failure.errorType}`)
    const result: unknown = JSON.parse(outcome.payload)
    if (saysUnauthorized(result)) return { refusal: unauthorized }
    const decision = this.#settings.simpleResponses ? simpleDecision(result) : policyDecision(result)
    if (decision === undefined) return failure('the authorizer function returned a wrong shape')
    this.#decisions.set(cacheKey, decision)
    return apply(decision, request, scope)
  }
}

function apply(decision: Decision, request: GatewayRequest, scope: RequestScope): Authorization {
  const allowed =
    'policy' in decision ? allowsInvoke(decision.policy, routeArn(request, scope)) : decision.isAuthorized
  return allowed ? { context: decision.context } : { refusal: forbidden }
}

function failure(problem: string): Authorization {
  return { refusal: internalServerError, problem }
}

function saysUnauthorized(result: unknown): boolean {
  return isObject(result) && result.errorMessage === 'Unauthorized'
}

function simpleDecision(result: unknown): Decision | undefined {
  if (!isObject(result) || typeof result.isAuthorized !== 'boolean') return undefined
  const context = contextOf(result)
  return context === undefined ? undefined : { isAuthorized: result.isAuthorized, context }
}

function policyDecision(result: unknown): Decision | undefined {
  if (!isObject(result) || typeof result.principalId !== 'string') return undefined
  const policy = parsePolicy(result.policyDocument)
  const context = contextOf(result)
  return policy === undefined || context === undefined ? undefined : { policy, context }
}

/** `null` for none, `undefined` for one of a wrong shape. */
function contextOf(result: Record<string, unknown>): Record<string, unknown> | null | undefined {
  const context = result.context ?? null
  return context === null || isObject(context) ? context : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
