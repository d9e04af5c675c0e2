import {
  Annotations,
  Aspects,
  CustomResource,
  DefaultTokenResolver,
  Duration,
  type IPostProcessor,
  type IResolvable,
  type IResolveContext,
  Names,
  Reference,
  Stage,
  StringConcat,
  Token,
  Tokenization,
} from 'aws-cdk-lib'
import {
  CfnMethod,
  CfnRestApi,
  CfnStage,
  CfnUsagePlan,
  Deployment,
  type IRestApi,
  RestApi,
  UsagePlan,
} from 'aws-cdk-lib/aws-apigateway'
import { Policy } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { Construct, type IConstruct } from 'constructs'
import { usagePlanPermissions } from './api-key-permissions.ts'
import { checkSamePlace } from './authorize.ts'
import type { ClientThrottlingOptions } from './client-throttling.ts'
import { wholeNumber } from './limits.ts'
import { requirementReference } from './requirement-reference.ts'
import { addThrottlingResponses } from './rest-gateway-responses.ts'
import { RestRouteAuthorizer } from './rest-route-authorizer.ts'
import { routeAuthorizerId, stagingPriority } from './route-authorizer.ts'

const throttledApiId = 'CountersignThrottling'

/** The largest number that CloudFormation takes. */
const largest = 2 ** 31 - 1

export interface ThrottledApiProps {
  readonly server: Construct
  /** What the names of this server's usage plans begin with. */
  readonly namePrefix: string
  /** The function that keeps the keys. */
  readonly keeper: () => LambdaFunction
}

/** One REST API with a usage plan for the clients of a server: in the API's stack, as its authorizer is. */
export class ThrottledApi extends Construct {
  readonly #api: RestApi
  readonly #server: Construct
  readonly #plan: UsagePlan

  /** @throws Error when the limits are out of range, or this API cannot be throttled by client */
  constructor(api: IRestApi, options: ClientThrottlingOptions, props: ThrottledApiProps) {
    const own = checkApi(api, props.server)
    const limits = checkLimits(options)
    super(own, throttledApiId)
    this.#api = own
    this.#server = props.server
    const { enforced = true } = options
    takeKeysFromAuthorizer(own)
    // Methods are changed after CDK has made the deployment's name of what they were.
    deploymentOf(own)?.addToLogicalId({ countersign: { apiKeyRequired: enforced } })
    addThrottlingResponses(own, Math.max(1, Math.ceil(1 / (options.throttle?.rateLimit ?? 1))))

    this.#plan = new UsagePlan(this, 'Plan', {
      name: props.namePrefix + Names.uniqueResourceName(own, { maxLength: 128 }),
      description: 'Countersign: what each client may do. Its keys are no credentials: add no stage to it',
      ...limits,
      apiStages: [{ api: own, stage: own.deploymentStage }],
    })
    this.#keepKeys(props.keeper())
    Aspects.of(this).add({ visit: node => this.#enforce(node, enforced) }, { priority: stagingPriority })
    this.node.addValidation({
      validate: () => {
        this.#warnOfOtherAuthorizers()
        return [
          ...this.#unprotected(),
          ...this.#keysFromElsewhere(),
          ...this.#keysFromCallers(),
          ...this.#otherPlans(),
        ]
      },
    })
  }

  /** Has the plan filled at deployment, by a function that may do so from now on. */
  #keepKeys(keeper: LambdaFunction): void {
    const { role } = keeper
    if (role === undefined) throw new Error(`${keeper.node.path} has no role`)
    const { usagePlanId } = this.#plan
    const policy = new Policy(this, 'Policy', {
      roles: [role],
      statements: usagePlanPermissions(usagePlanId),
    })
    const keys = new CustomResource(this, 'Keys', {
      resourceType: 'Custom::CountersignApiKeys',
      serviceToken: keeper.functionArn,
      serviceTimeout: Duration.minutes(4),
      properties: { UsagePlanId: usagePlanId },
    })
    keys.node.addDependency(policy, keeper)
  }

  #enforce(node: IConstruct, enforced: boolean): void {
    const authorizer = this.#authorizer()
    if (node !== this || authorizer === undefined) return
    authorizer.identifyClients()
    for (const method of enforced ? authorizer.protectedMethods() : []) method.apiKeyRequired = true
  }

  #authorizer(): RestRouteAuthorizer | undefined {
    const authorizer = this.#api.node.tryFindChild(routeAuthorizerId)
    return authorizer instanceof RestRouteAuthorizer && authorizer.server === this.#server
      ? authorizer
      : undefined
  }

  #unprotected(): string[] {
    if ((this.#authorizer()?.protectedMethods() ?? []).length > 0) return []
    return [
      `${this.#api.node.path} has no method that ${this.#server.node.path} protects, and clients are known by their tokens: give its methods an authorizer of authorizeRest, or remove throttleClients`,
    ]
  }

  #keysFromElsewhere(): string[] {
    const { apiKeySourceType } = resourceOf(this.#api)
    return apiKeySourceType === 'AUTHORIZER' ? [] : [headerProblem(this.#api, apiKeySourceType)]
  }

  /** A stack that knows the API by its id has an authorizer of its own, whose methods need no key. */
  #warnOfOtherAuthorizers(): void {
    for (const method of this.#constructs().filter(node => node instanceof CfnMethod)) {
      const attached = requirementReference(method.authorizerId)?.attached
      if (attached === undefined || attached === this.#authorizer()) continue
      if (!resolveReferences(method, method.restApiId).targets.has(resourceOf(this.#api))) continue
      Annotations.of(method).addWarningV2(
        'countersign:unthrottledMethod',
        `it is of ${this.#api.node.path}, known by its id, and is not throttled by client: add it to the RestApi itself, or acknowledge this`,
      )
    }
  }

  /** A key in a header counts for nothing from now on, so that these methods would answer nobody. */
  #keysFromCallers(): string[] {
    const ours = new Set(this.#authorizer()?.protectedMethods())
    return this.#api.node
      .findAll()
      .filter(node => node instanceof CfnMethod)
      .filter(method => method.apiKeyRequired === true && !ours.has(method))
      .map(
        ({ node }) =>
          `method ${node.path} needs an API key and has no authorizer of authorizeRest that could name one: remove its apiKeyRequired, or throttleClients, which takes keys from the authorizer alone`,
      )
  }

  /** API Gateway refuses a key that two plans of a stage have, and knows a client by one plan alone. */
  #otherPlans(): string[] {
    return this.#constructs()
      .filter(node => node instanceof CfnUsagePlan)
      .filter(plan => plan !== this.#plan.node.defaultChild && this.#isOfStage(plan))
      .map(
        plan =>
          `the stage of ${this.#api.node.path} is in the usage plan ${plan.node.path} already, beside the one of throttleClients: remove the stage from it, or throttleClients`,
      )
  }

  /** Those of every stack. */
  #constructs(): IConstruct[] {
    return (Stage.of(this) ?? this.node.root).node.findAll()
  }

  /** By reference, as CDK's own plans name a stage, or by its name. */
  #isOfStage(plan: CfnUsagePlan): boolean {
    const { targets, resolved } = resolveReferences(plan, plan.apiStages)
    const stage = this.#api.deploymentStage.node.defaultChild
    if (stage instanceof CfnStage && targets.has(stage)) return true
    const isNamed = ([resolved].flat() as { stage?: unknown }[]).some(
      each => stage instanceof CfnStage && each?.stage === stage.stageName,
    )
    return isNamed && targets.has(resourceOf(this.#api))
  }
}

/** What a value is, and the resources that it refers to. */
function resolveReferences(
  scope: IConstruct,
  value: unknown,
): { targets: Set<IConstruct>; resolved: unknown } {
  const targets = new Set<IConstruct>()
  class Collector extends DefaultTokenResolver {
    override resolveToken(token: IResolvable, context: IResolveContext, postProcessor: IPostProcessor) {
      if (Reference.isReference(token)) targets.add(token.target)
      return super.resolveToken(token, context, postProcessor)
    }
  }
  const resolver = new Collector(new StringConcat())
  const resolved: unknown = Tokenization.resolve(value, { scope, resolver, preparing: false })
  return { targets, resolved }
}

/** @throws Error when it cannot be throttled by client */
function checkApi(api: IRestApi, server: Construct): RestApi {
  if (!(api instanceof RestApi)) {
    throw new Error(
      `${api.node.path} is imported or made of an OpenAPI document, and throttleClients changes its methods: call it where the API is made as a RestApi`,
    )
  }
  checkSamePlace(server, api)
  if (api.node.tryFindChild(throttledApiId) !== undefined)
    throw new Error(`${api.node.path} is throttled twice: put all limits into one call of throttleClients`)
  if (api.deploymentStage === undefined) {
    throw new Error(
      `${api.node.path} has no deployment stage that a usage plan could be for: remove deploy: false, or set its deploymentStage before throttleClients`,
    )
  }
  return api
}

/** That of the stage: an API with `deploy: false` has none of its own. */
function deploymentOf({ deploymentStage }: RestApi): Deployment | undefined {
  const stage = deploymentStage.node.defaultChild
  if (!(stage instanceof CfnStage)) return undefined
  const { targets } = resolveReferences(stage, stage.deploymentId)
  return [...targets].map(({ node }) => node.scope).find(scope => scope instanceof Deployment)
}

function takeKeysFromAuthorizer(api: RestApi): void {
  const resource = resourceOf(api)
  if (resource.apiKeySourceType !== undefined && resource.apiKeySourceType !== 'AUTHORIZER')
    throw new Error(headerProblem(api, resource.apiKeySourceType))
  resource.apiKeySourceType = 'AUTHORIZER'
}

function headerProblem(api: RestApi, source: string | undefined): string {
  return `apiKeySourceType of ${api.node.path} must be AUTHORIZER, got ${source}: keys that callers send are no clients; remove apiKeySourceType, or throttleClients`
}

function resourceOf(api: RestApi): CfnRestApi {
  const resource = api.node.defaultChild
  if (resource instanceof CfnRestApi) return resource
  throw new Error(`${api.node.path} is no REST API of CloudFormation`)
}

/** @throws Error when there are none, or one is out of its range */
function checkLimits({ throttle, quota }: ClientThrottlingOptions) {
  if (throttle === undefined && quota === undefined)
    throw new Error('throttleClients must have a throttle or a quota: say what a client may do')
  if (throttle !== undefined) {
    const { rateLimit = 0, burstLimit = 0 } = throttle
    if (Token.isUnresolved(rateLimit) || !(rateLimit > 0 && rateLimit <= largest)) {
      throw new Error(
        `throttle.rateLimit must be a number above 0, got ${rateLimit}: give the requests a second of one client`,
      )
    }
    wholeNumber('throttle.burstLimit', burstLimit, { min: 1, max: largest })
  }
  if (quota !== undefined) {
    const { limit = 0, offset = 0, period } = quota
    wholeNumber('quota.limit', limit, { min: 1, max: largest })
    wholeNumber('quota.offset', offset, { min: 0, max: limit })
    if (period === undefined) throw new Error('quota.period must be set: choose DAY, WEEK or MONTH')
  }
  return { throttle, quota }
}
