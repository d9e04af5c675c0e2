import { accessAuditEvent, decideAccess } from '../lambda/adapters/access-decision.ts'
import type { FunctionContext } from '../lambda/adapters/function-context.ts'
import { Records } from '../lambda/adapters/records.ts'
import { signatureVerifier } from '../lambda/adapters/signature-verifier.ts'
import { systemClock } from '../lambda/adapters/system-clock.ts'
import type { AccessTokenClaims } from '../lambda/oauth/access-token-claims.ts'
import type { AccessDecision } from '../lambda/oauth/authorize.ts'
import { ClockWatch } from '../lambda/oauth/clock-watch.ts'
import { parseScopeRequirement, type ScopeRequirement } from '../lambda/oauth/route-table.ts'
import { VerifiedTokenMemory } from '../lambda/oauth/verified-token-memory.ts'
import type { VerifiedToken } from '../lambda/oauth/verify-access-token.ts'
import { checkOptions } from './check-options.ts'
import { type ExpressMiddleware, expressMiddleware } from './express.ts'
import { type FetchHandler, type FetchListener, fetchHandler } from './fetch.ts'
import type { GuardOptions } from './guard-options.ts'
import { type HonoMiddleware, honoMiddleware } from './hono.ts'
import { type NodeHandler, type NodeListener, nodeListener } from './node-http.ts'
import { refusalResponse } from './refusal.ts'
import { keySource, revocationSource } from './sources.ts'

/** Who calls, from a verified token. A copy of the request's own: changing it changes nothing else. */
export interface Auth {
  /** The client that the token was issued to (RFC 8693 §4.3, `client_id`). */
  readonly clientId: string
  /** What was granted, one scope token an item. */
  readonly scope: readonly string[]
  /** RFC 9068 §2.2. Times are epoch seconds. */
  readonly claims: AccessTokenClaims
}

/** A request to decide on: nothing else of it can change the decision. */
export interface GuardedRequest {
  /** The `Authorization` header as it was sent; repeated ones joined with a comma, as no token contains one. */
  readonly authorization: string | null | undefined
  /** All of some scopes, or any one of some. */
  readonly require: ScopeRequirement
  /** For the audit event. @default '' */
  readonly requestId?: string
  /** For the audit event: the caller's address. @default - the event has none */
  readonly sourceIp?: string | undefined
}

/** Whether a request may pass: who calls, or the response that refuses it. */
export type GuardDecision =
  | { readonly allowed: true; readonly auth: Auth }
  | {
      readonly allowed: false
      /** The fixed code of the audit event: for logs, not for the caller. */
      readonly reason: string
      /** The response to send (RFC 6750 §3): 400, 401, 403; 503 or 500 where it cannot be known. */
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }

/** Decides on requests as the Lambda authorizer does. No method needs its `this`. */
export interface Guard {
  /**
   * Decides on one request. An outage is a refusal, never an exception and never an allow.
   *
   * @throws Error when `require` is not exactly one list of scopes
   */
  authorize(request: GuardedRequest): Promise<GuardDecision>

  /** Reads keys and revocations beforehand, for at most some seconds, so that no request waits for them. Never throws. */
  start(): Promise<void>

  /** Express and Connect: publishes `request.auth`. @throws Error as `authorize` */
  express(require: ScopeRequirement): ExpressMiddleware

  /** Hono: publishes `c.get('auth')`. @throws Error as `authorize` */
  hono(require: ScopeRequirement): HonoMiddleware

  /** `createServer` of node:http: the handler finds `request.auth`. @throws Error as `authorize` */
  node(require: ScopeRequirement, handler: NodeHandler): NodeListener

  /** Fetch API: the handler gets the request and who calls. @throws Error as `authorize` */
  fetch<Rest extends unknown[]>(require: ScopeRequirement, handler: FetchHandler<Rest>): FetchListener<Rest>
}

/** The one route that a guard's requirement belongs to. */
const routeKey = 'guarded'

/**
 * Makes a guard. Nothing is read or asked before `start` or the first request.
 *
 * @throws TypeError naming the option that is missing, not known, or not what it must be
 */
export function createGuard(options: GuardOptions): Guard {
  const settings = checkOptions(options)
  const { issuer, audience, onDecision, log } = settings
  const context = guardContext(log)
  const keys = keySource(settings, context)
  const revocations = revocationSource(settings, context)
  const api = {
    issuer,
    audience,
    memory: new VerifiedTokenMemory(),
    findKey: keys.findKey,
    findKnownKey: keys.findKnownKey,
    verifySignature: signatureVerifier(issuer, audience),
    isRevoked: revocations.isRevoked,
  }

  const decide = async (
    { authorization, requestId = '', sourceIp }: Omit<GuardedRequest, 'require'>,
    requirement: ScopeRequirement,
  ): Promise<GuardDecision> => {
    const routes = new Map([[routeKey, requirement]])
    // What is typed as text may be anything, such as a list of headers.
    const request = { routeKey, authorization: typeof authorization === 'string' ? authorization : undefined }
    const made = await decideAccess(request, { ...api, routes }, context)
    const decision = await announce(made, { requestId, sourceIp }, onDecision, context)
    if (decision.outcome === 'allowed') return { allowed: true, auth: authOf(decision.token) }
    return { allowed: false, reason: decision.reason, ...refusalResponse(decision, requirement, settings) }
  }
  const deciderFor = (require: ScopeRequirement) => {
    const requirement = parseScopeRequirement('require', require)
    return (request: Omit<GuardedRequest, 'require'>) => decide(request, requirement)
  }

  return {
    authorize: async request => deciderFor(request.require)(request),
    start: async () => {
      await Promise.all([keys.start(), revocations.start()])
    },
    express: require => expressMiddleware(deciderFor(require)),
    hono: require => honoMiddleware(deciderFor(require)),
    node: (require, handler) => nodeListener(deciderFor(require), handler),
    fetch: (require, handler) => fetchHandler(deciderFor(require), handler),
  }
}

function guardContext(log: GuardOptions['log']): FunctionContext {
  const clock = systemClock
  const records = new Records('guard', line => void writeTo(log, line), clock.now)
  return { clock, records, watch: new ClockWatch(seconds => records.clockWrong(seconds)) }
}

/** A log that fails, at once or later, must decide nothing. */
async function writeTo(log: GuardOptions['log'], line: string): Promise<void> {
  try {
    await log?.(line)
  } catch {
    // There is no other place to say it.
  }
}

/** Says what was decided. A decision that nobody could be told of is none. */
async function announce(
  decision: AccessDecision,
  requester: { readonly requestId: string; readonly sourceIp: string | undefined },
  onDecision: GuardOptions['onDecision'],
  { records }: FunctionContext,
): Promise<AccessDecision> {
  try {
    await onDecision?.(accessAuditEvent(decision, requester))
    return decision
  } catch (error) {
    records.unexpected(error)
    return { outcome: 'failed', reason: 'internal_error' }
  }
}

/** The verified token is remembered: a handler must not be able to change it. */
function authOf({ clientId, scope, claims }: VerifiedToken): Auth {
  return { clientId, scope: [...scope], claims: { ...claims } }
}
