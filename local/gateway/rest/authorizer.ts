import type { InvocationOutcome } from '../../functions/process.ts'
import { DecisionCache } from '../decision-cache.ts'
import { allowsInvoke, type InvokePolicy, parsePolicy } from '../policy.ts'
import type { GatewayRequest } from '../request.ts'
import { authorizerEvent, methodArn, type RestRequestScope } from './event.ts'
import type { GatewayResponseType } from './gateway-responses.ts'

/** What the authorizer made of a request: the integration's context, or the gateway response that refuses it. */
export type RestAuthorization =
  | { context: Record<string, string>; usageIdentifierKey: string | undefined }
  | { refusal: GatewayResponseType; problem?: string }

/** An authorizer of type REQUEST of a REST API, as its template describes it. */
export interface RestAuthorizerSettings {
  id: string
  functionArn: string
  /** Expressions such as `method.request.header.Authorization`. */
  identitySource: readonly string[]
  /** 0: nothing is cached. */
  timeToLiveSeconds: number
  monotonicMilliseconds?: () => number
}

interface Decision {
  policy: InvokePolicy
  context: Record<string, string>
  usageIdentifierKey: string | undefined
}

/** Octets of an authorizer's answer, and characters of one resource in it, that API Gateway takes. */
const largestResultOctets = 8 * 1024
const longestResource = 512

/** Runs an authorizer function and keeps its policies, each for every method of the API. */
export class RestAuthorizer {
  readonly id: string
  readonly functionArn: string
  readonly #identitySources: ((request: GatewayRequest) => string | undefined)[]
  readonly #decisions: DecisionCache<Decision>

  /** @throws where an identity source is none that the local run knows */
  constructor(settings: RestAuthorizerSettings) {
    this.id = settings.id
    this.functionArn = settings.functionArn
    this.#identitySources = settings.identitySource.map(parseIdentitySource)
    this.#decisions = new DecisionCache(settings.timeToLiveSeconds, settings.monotonicMilliseconds)
  }

  /**
   * Decides on a request. `invoke` runs the function with an event; it resolves to `undefined` when the function took
   * too long.
   */
  async authorize(
    request: GatewayRequest,
    scope: RestRequestScope,
    invoke: (event: string) => Promise<InvocationOutcome | undefined>,
  ): Promise<RestAuthorization> {
    const identity = this.#identitySources.map(source => source(request) ?? '')
    if (identity.includes('')) return { refusal: 'UNAUTHORIZED' }
    const cacheKey = [scope.stage, ...identity]
    const cached = this.#decisions.get(cacheKey)
    if (cached !== undefined) return apply(cached, scope)

    const outcome = await invoke(authorizerEvent(request, scope))
    if (outcome === undefined) return failure('AUTHORIZER_FAILURE', 'the authorizer function timed out')
    if ('failure' in outcome) {
      const { errorType, errorMessage } = outcome.failure
      if (errorMessage === 'Unauthorized') return { refusal: 'UNAUTHORIZED' }
      return failure('AUTHORIZER_FAILURE', `the authorizer function failed: ${errorType}`)
    }
    const decision = parseDecision(outcome.payload)
    if (decision === undefined)
      return failure('AUTHORIZER_CONFIGURATION_ERROR', 'the authorizer function returned a wrong shape')
    this.#decisions.set(cacheKey, decision)
    return apply(decision, scope)
  }
}

function apply({ policy, ...granted }: Decision, scope: RestRequestScope): RestAuthorization {
  return allowsInvoke(policy, methodArn(scope)) ? granted : { refusal: 'ACCESS_DENIED' }
}

function failure(refusal: GatewayResponseType, problem: string): RestAuthorization {
  return { refusal, problem }
}

function parseDecision(payload: string): Decision | undefined {
  const result: unknown = JSON.parse(payload)
  if (!isObject(result) || typeof result.principalId !== 'string') return undefined
  if (Buffer.byteLength(payload) > largestResultOctets) return undefined
  const policy = parsePolicy(result.policyDocument)
  const resources = policy?.statements.flatMap(statement => statement.resources) ?? []
  if (policy === undefined || resources.some(resource => resource.length > longestResource)) return undefined
  const members = Object.entries(result.context ?? {})
  // Nested values are refused, and what is not text arrives as text.
  if (members.some(([, value]) => !['string', 'number', 'boolean'].includes(typeof value))) return undefined
  const context = Object.fromEntries(members.map(([name, value]) => [name, String(value)]))
  const { principalId, usageIdentifierKey: key } = result
  const usageIdentifierKey = typeof key === 'string' ? key : undefined
  return { policy, context: { ...context, principalId }, usageIdentifierKey }
}

function parseIdentitySource(expression: string): (request: GatewayRequest) => string | undefined {
  const [, from, name] = /^method\.request\.(header|querystring)\.(.+)$/.exec(expression.trim()) ?? []
  if (name === undefined) throw new Error(`the local run does not know the identity source ${expression}`)
  return from === 'header'
    ? request => request.headers[name.toLowerCase()]
    : request => request.queryStringParameters?.[name]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
