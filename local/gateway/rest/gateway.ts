import type { UsagePlans } from '../../api-gateway/usage-plans.ts'
import { executeApiArn } from '../event.ts'
import { type GatewaySurroundings, within } from '../gateway.ts'
import type { GatewayRequest } from '../request.ts'
import type { GatewayResponse } from '../response.ts'
import { TokenBucket } from '../throttle.ts'
import type { RestAuthorizer } from './authorizer.ts'
import type { RestApi, RestMethod, RestStage } from './definition.ts'
import { integrationEvent, type RestRequestScope } from './event.ts'
import type { GatewayResponseType } from './gateway-responses.ts'
import { selectResource } from './resource-selection.ts'
import { forbidden, malformedProxyResponse, responseOf } from './response.ts'

/** Lambda takes and gives at most 6 MB. */
const largestPayloadOctets = 6 * 1024 * 1024

/** What a request met on its way: the chosen method and everything events say about it. */
interface Matched {
  method: RestMethod
  scope: RestRequestScope
}

export interface RestGatewaySurroundings extends GatewaySurroundings {
  usagePlans: Pick<UsagePlans, 'admit'>
}

/** What the integration hears of who called. */
interface Caller {
  context?: Record<string, string>
  apiKey?: { id: string; value: string }
}

/** One deployed REST API: takes requests, answers responses, never throws for what a client sent. */
export class RestGateway {
  readonly #api: RestApi
  readonly #surroundings: RestGatewaySurroundings
  readonly #buckets = new Map<RestStage, TokenBucket>()

  constructor(api: RestApi, surroundings: RestGatewaySurroundings) {
    this.#api = api
    this.#surroundings = surroundings
  }

  async handle(request: GatewayRequest): Promise<GatewayResponse> {
    const [, first = ''] = request.rawPath.split('/')
    const stage = this.#api.stages.find(({ name }) => name === first)
    if (stage === undefined) return forbidden
    const matched = this.#match(request, stage)
    if (matched === undefined) return this.#api.responses.answer('MISSING_AUTHENTICATION_TOKEN')
    if (!this.#surroundings.accountBucket.take() || !this.#takeToken(stage))
      return this.#api.responses.answer('THROTTLED')
    const { authorizer } = matched.method
    if (authorizer === undefined) return this.#admit(request, matched, {}, undefined)
    return this.#authorize(authorizer, request, matched)
  }

  #match(request: GatewayRequest, stage: RestStage): Matched | undefined {
    const path = request.rawPath.slice(stage.name.length + 1) || '/'
    const selected = selectResource(this.#api.resources, path)
    if (selected === undefined) return undefined
    const { resource, pathParameters } = selected
    const method = resource.methods.get(request.method) ?? resource.methods.get('ANY')
    if (method === undefined) return undefined
    const { accountId, region, domainName } = this.#surroundings
    const scope = {
      accountId,
      region,
      apiId: this.#api.id,
      domainName,
      stage: stage.name,
      stageVariables: stage.variables,
      httpMethod: request.method,
      path,
      resourceId: resource.id,
      resourcePath: resource.path,
      pathParameters,
    }
    return { method, scope }
  }

  #takeToken(stage: RestStage): boolean {
    if (stage.limits === undefined) return true
    const bucket = this.#buckets.get(stage) ?? new TokenBucket(stage.limits)
    this.#buckets.set(stage, bucket)
    return bucket.take()
  }

  async #authorize(
    authorizer: RestAuthorizer,
    request: GatewayRequest,
    matched: Matched,
  ): Promise<GatewayResponse> {
    const { functionArn, id } = authorizer
    const { scope } = matched
    const { invoke, permissions, authorizerTimeoutMilliseconds = 10_000 } = this.#surroundings
    if (!permissions.allows(functionArn, `${executeApiArn(scope)}/authorizers/${id}`))
      return this.#failed(
        'AUTHORIZER_CONFIGURATION_ERROR',
        'no permission to invoke the authorizer',
        request,
        scope,
      )
    const result = await authorizer.authorize(request, scope, event =>
      within(authorizerTimeoutMilliseconds, invoke(functionArn, event)),
    )
    if (!('refusal' in result))
      return this.#admit(request, matched, { context: result.context }, result.usageIdentifierKey)
    return result.problem === undefined
      ? this.#api.responses.answer(result.refusal)
      : this.#failed(result.refusal, result.problem, request, scope)
  }

  /** Where the method needs an API key, a usage plan has to let the request pass. */
  async #admit(
    request: GatewayRequest,
    matched: Matched,
    caller: Caller,
    usageIdentifierKey: string | undefined,
  ): Promise<GatewayResponse> {
    if (!matched.method.apiKeyRequired) return this.#integrate(request, matched, caller)
    const isFromHeader = this.#api.apiKeySource === 'HEADER'
    const value = isFromHeader ? request.headers['x-api-key'] : usageIdentifierKey
    const admission = this.#surroundings.usagePlans.admit(this.#api.id, matched.scope.stage, value)
    if ('refusal' in admission) return this.#api.responses.answer(admission.refusal)
    return this.#integrate(request, matched, { ...caller, apiKey: admission.key })
  }

  async #integrate(
    request: GatewayRequest,
    { method, scope }: Matched,
    caller: Caller,
  ): Promise<GatewayResponse> {
    const { functionArn, timeoutMilliseconds } = method.integration
    const { permissions, invoke } = this.#surroundings
    // The source is the resource, not the path: `.../GET/orders/{id}`.
    const source = `${executeApiArn(scope)}/${scope.stage}/${request.method}${scope.resourcePath}`
    if (!permissions.allows(functionArn, source))
      return this.#failed(
        'API_CONFIGURATION_ERROR',
        'no permission to invoke the integration',
        request,
        scope,
      )
    const event = integrationEvent(request, scope, caller)
    if (event.length > largestPayloadOctets) return this.#api.responses.answer('REQUEST_TOO_LARGE')
    const outcome = await within(timeoutMilliseconds, invoke(functionArn, event))
    if (outcome === undefined)
      return this.#failed('INTEGRATION_TIMEOUT', 'the integration timed out', request, scope)
    const response = 'failure' in outcome ? undefined : responseOf(JSON.parse(outcome.payload))
    if (response !== undefined) return response
    this.#report(
      'failure' in outcome
        ? `the function failed: ${outcome.failure.errorType}`
        : 'the function returned no response of a proxy integration',
      request,
      scope,
    )
    return malformedProxyResponse
  }

  #failed(
    type: GatewayResponseType,
    message: string,
    request: GatewayRequest,
    scope: RestRequestScope,
  ): GatewayResponse {
    this.#report(message, request, scope)
    return this.#api.responses.answer(type)
  }

  #report(message: string, { requestId }: GatewayRequest, scope: RestRequestScope): void {
    const routeKey = `${scope.httpMethod} ${scope.resourcePath}`
    this.#surroundings.onProblem({ message, requestId, routeKey })
  }
}
