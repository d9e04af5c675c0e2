import type { InvocationOutcome } from '../functions/process.ts'
import type { HttpApi, Route, Stage } from './api.ts'
import { type AuthorizerContext, executeApiArn, integrationEvent, type RequestScope } from './event.ts'
import type { InvokePermissions } from './invoke-permission.ts'
import type { LambdaAuthorizer } from './lambda-authorizer.ts'
import type { GatewayRequest } from './request.ts'
import {
  forbidden,
  type GatewayResponse,
  gatewayMessage,
  internalServerError,
  notFound,
  responseOf,
  serviceUnavailable,
  tooManyRequests,
} from './response.ts'
import { routeMethods, type SelectedRoute, selectRoute } from './route-selection.ts'
import { verifySignature } from './sigv4.ts'
import { TokenBucket } from './throttle.ts'

/** Lambda takes and gives at most 6 MB. */
const largestPayloadOctets = 6 * 1024 * 1024

/** What a gateway needs of the deployment around it. */
export interface GatewaySurroundings {
  accountId: string
  region: string
  /** Host and port of the endpoint. */
  domainName: string
  invoke: (functionArn: string, event: string) => Promise<InvocationOutcome>
  permissions: InvokePermissions
  /** The account's own limit, shared by all APIs. */
  accountBucket: TokenBucket
  /** Told why a request was answered with a 5xx. Never what it carried. */
  onProblem: (problem: { message: string; requestId: string; routeKey: string }) => void
  /** @default 10,000: what API Gateway waits for an authorizer */
  authorizerTimeoutMilliseconds?: number
}

/** What a request met on its way: the chosen route, its stage and everything events say about them. */
interface Matched extends SelectedRoute<Route> {
  stage: Stage
  scope: RequestScope
}

/** One deployed HTTP API: takes requests, answers responses, never throws for what a client sent. */
export class Gateway {
  readonly #api: HttpApi
  readonly #surroundings: GatewaySurroundings
  readonly #buckets = new Map<Stage, Map<string, TokenBucket>>()
  readonly #permitted = new Map<string, boolean>()

  constructor(api: HttpApi, surroundings: GatewaySurroundings) {
    this.#api = api
    this.#surroundings = surroundings
  }

  async handle(request: GatewayRequest): Promise<GatewayResponse> {
    if (!routeMethods.includes(request.method)) return methodNotAllowed
    const matched = this.#match(request)
    if (matched === undefined) return notFound
    if (!this.#surroundings.accountBucket.take() || !this.#takeToken(matched)) return tooManyRequests
    const authorization = await this.#authorize(request, matched)
    if ('refusal' in authorization) return authorization.refusal
    return this.#integrate(request, matched, authorization.context)
  }

  #match(request: GatewayRequest): Matched | undefined {
    const { id, routes, stages } = this.#api
    const [, first = ''] = request.rawPath.split('/')
    const named = stages.find(({ name }) => name === first && name !== '$default')
    const stage = named ?? stages.find(({ name }) => name === '$default')
    if (stage === undefined) return undefined
    const path = named === undefined ? request.rawPath : request.rawPath.slice(first.length + 1) || '/'
    const selected = selectRoute(routes, request.method, path)
    if (selected === undefined) return undefined
    const { accountId, region, domainName } = this.#surroundings
    const scope = {
      accountId,
      region,
      apiId: id,
      domainName,
      stage: stage.name,
      stageVariables: stage.variables,
      routeKey: selected.route.routeKey,
      pathParameters: selected.pathParameters,
    }
    return { ...selected, stage, scope }
  }

  #takeToken({ stage, route }: Matched): boolean {
    const limits = stage.limitsByRouteKey.get(route.routeKey) ?? stage.defaultLimits
    if (limits === undefined) return true
    const buckets = this.#buckets.get(stage) ?? new Map<string, TokenBucket>()
    this.#buckets.set(stage, buckets)
    const bucket = buckets.get(route.routeKey) ?? new TokenBucket(limits)
    buckets.set(route.routeKey, bucket)
    return bucket.take()
  }

  async #authorize(
    request: GatewayRequest,
    matched: Matched,
  ): Promise<{ context: AuthorizerContext | undefined } | { refusal: GatewayResponse }> {
    const { authorization } = matched.route
    if (authorization.type === 'NONE') return { context: undefined }
    if (authorization.type === 'AWS_IAM') {
      const iam = verifySignature(request, this.#surroundings)
      return iam === undefined ? { refusal: forbidden } : { context: { iam } }
    }
    if (authorization.type === 'JWT') {
      const { authorizer, scopes } = authorization
      const result = await authorizer.authorize(request, matched.scope, scopes)
      return 'refusal' in result
        ? this.#refuse(result, request, matched)
        : { context: { jwt: result.context } }
    }
    return this.#askAuthorizer(authorization.authorizer, request, matched)
  }

  #refuse(
    { refusal, problem }: { refusal: GatewayResponse; problem?: string },
    request: GatewayRequest,
    { scope }: Matched,
  ): { refusal: GatewayResponse } {
    if (problem !== undefined) this.#report(problem, request, scope)
    return { refusal }
  }

  async #askAuthorizer(
    authorizer: LambdaAuthorizer,
    request: GatewayRequest,
    matched: Matched,
  ): Promise<{ context: AuthorizerContext } | { refusal: GatewayResponse }> {
    const { scope } = matched
    const { functionArn, id } = authorizer
    const { invoke, authorizerTimeoutMilliseconds = 10_000 } = this.#surroundings
    const permitted = this.#isPermitted(functionArn, `${executeApiArn(scope)}/authorizers/${id}`)
    const result = await authorizer.authorize(request, scope, event =>
      permitted
        ? within(authorizerTimeoutMilliseconds, invoke(functionArn, event))
        : Promise.resolve({ failure: { errorType: 'AccessDeniedException', errorMessage: 'not permitted' } }),
    )
    return 'refusal' in result
      ? this.#refuse(result, request, matched)
      : { context: { lambda: result.context } }
  }

  async #integrate(
    request: GatewayRequest,
    { route, scope }: Matched,
    authorizer: AuthorizerContext | undefined,
  ): Promise<GatewayResponse> {
    const { functionArn, timeoutMilliseconds } = route.integration
    // The source is the route, not the path: `.../GET/orders/{id}`.
    const routePath = route.method === undefined ? '/$default' : `/${request.method}${route.path}`
    const failed = (message: string, response: GatewayResponse) => {
      this.#report(message, request, scope)
      return response
    }
    if (!this.#isPermitted(functionArn, `${executeApiArn(scope)}/${scope.stage}${routePath}`))
      return failed('no AWS::Lambda::Permission lets the API invoke the integration', internalServerError)
    const event = integrationEvent(request, scope, authorizer)
    if (event.length > largestPayloadOctets) return payloadTooLarge
    const outcome = await within(timeoutMilliseconds, this.#surroundings.invoke(functionArn, event))
    if (outcome === undefined) return failed('the integration timed out', serviceUnavailable)
    if ('failure' in outcome)
      return failed(`the function failed: ${outcome.failure.errorType}`, internalServerError)
    if (outcome.payload.length > largestPayloadOctets)
      return failed('the function failed: Function.ResponseSizeTooLarge', internalServerError)
    return (
      responseOf(JSON.parse(outcome.payload)) ??
      failed('the function returned no response of payload format 2.0', internalServerError)
    )
  }

  #isPermitted(functionArn: string, sourceArn: string): boolean {
    const key = `${functionArn} ${sourceArn}`
    const known = this.#permitted.get(key)
    if (known !== undefined) return known
    const permitted = this.#surroundings.permissions.allows(functionArn, sourceArn)
    this.#permitted.set(key, permitted)
    return permitted
  }

  #report(message: string, request: GatewayRequest, scope: RequestScope): void {
    this.#surroundings.onProblem({ message, requestId: request.requestId, routeKey: scope.routeKey })
  }
}

const methodNotAllowed: GatewayResponse = {
  ...gatewayMessage(405, 'Method Not Allowed'),
  headers: [
    ['content-type', 'application/json'],
    ['allow', routeMethods.join(', ')],
  ],
}

/** Also the server's answer to a body above API Gateway's own limit. */
export const payloadTooLarge = gatewayMessage(413, 'Request Entity Too Large')

/** The promise's value, or `undefined` when it takes longer. */
export function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
