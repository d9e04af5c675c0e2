import { Aspects, Duration, Stage, Token } from 'aws-cdk-lib'
import {
  CfnMethod,
  IdentitySource,
  type IRestApi,
  Method,
  RequestAuthorizer,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway'
import { CfnFunction, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import { inseparableRoutes, largestPolicyOctets, unnameableRoutes } from '../lambda/oauth/invoke-policy.ts'
import type { RouteTable, ScopeRequirement } from '../lambda/oauth/route-table.ts'
import { createAuthorizerAlarms } from './alarms.ts'
import {
  createAuthorizerFunction,
  type RouteAuthorizerSettings,
  undeclaredScopes,
} from './authorizer-function.ts'
import { bundleFolder } from './functions.ts'
import { crashesOf } from './metrics.ts'
import { requirementReference } from './requirement-reference.ts'
import { BearerGatewayResponses } from './rest-gateway-responses.ts'
import { authorizerName, refersTo, routeAuthorizerId, stagingPriority } from './route-authorizer.ts'
import { RouteTableCode } from './route-table-code.ts'

/** API Gateway takes 8 KB of an authorizer: the policy, and the context with the token's scope. */
const largestAnswer = 8 * 1024

/** What the context has at most beside the scope, the names of its members included. */
const largestContextWithoutScope = 924

/** `,"usageIdentifierKey":"…"`, of at most 64 characters. */
const octetsOfUsageIdentifier = 88

/** What is left for a token's scope where nobody knows it. */
const octetsOfUndeclaredScope = 100

/** API Gateway's own, when a method is tried in its console. */
const testStage = 'test-invoke-stage'

/**
 * The authorizer of one protected REST API: as `RouteAuthorizer`, but for its answer, which is a policy for all of the
 * API's routes, and for the gateway responses, which say what was wrong with a token (RFC 6750 §3).
 */
export class RestRouteAuthorizer extends Construct {
  readonly audience: string
  readonly server: Construct
  readonly apiPath: string
  readonly authorizerId: string
  readonly #api: IRestApi
  readonly #code: RouteTableCode
  readonly #function: LambdaFunction
  readonly #authorizer: RequestAuthorizer
  #identifiesClients = false

  constructor(api: IRestApi, audience: string, settings: RouteAuthorizerSettings) {
    super(api, routeAuthorizerId)
    this.audience = audience
    this.server = settings.server
    this.apiPath = api.node.path
    this.#api = api
    const bundle = settings.place === 'beside' ? 'rest-authorizer' : 'remote-rest-authorizer'
    this.#code = new RouteTableCode(bundleFolder(bundle))
    this.#function = createAuthorizerFunction(this, this.apiPath, this.#code, audience, settings)
    this.#authorizer = new RequestAuthorizer(this, 'Authorizer', {
      handler: this.#function,
      authorizerName: authorizerName(this),
      // The policy is for all routes, so that the token alone may be the key of the cache.
      identitySources: [IdentitySource.header('Authorization')],
      resultsCacheTtl: Duration.seconds(settings.decisionCacheTtlSeconds),
    })
    this.#authorizer._attachToApi(api)
    this.authorizerId = this.#authorizer.authorizerId
    const responses = api instanceof RestApi ? new BearerGatewayResponses(this, api) : undefined

    createAuthorizerAlarms(this, settings.alarmTopic, this.apiPath, this.#function, crashesOf(this.#function))
    Aspects.of(this).add({ visit: node => this.#stage(node) }, { priority: stagingPriority })
    this.node.addValidation({
      validate: () => {
        const table = this.#routeTable()
        const scopes = [...table.values()].flatMap(requirement => requirement.allOf ?? requirement.anyOf)
        return [
          ...this.#unlistedMethods(),
          ...undeclaredScopes([...new Set(scopes)], audience, this, settings),
          ...this.#inseparable(table),
          ...this.#tooLarge(table, settings.declaredScopes(audience)),
          ...(responses?.problems() ?? []),
        ]
      },
    })
  }

  /** @throws Error when the route table is already staged */
  expectMethod(): void {
    if (this.#code.staged) {
      throw new Error(
        `a method was added to ${this.apiPath} after the route table of ${this.node.path} was staged: add it before synthesis, or give the aspect that adds it a priority below ${stagingPriority} and a scope around the API`,
      )
    }
  }

  /** From now on its answers name the client to usage plans. */
  identifyClients(): void {
    this.#identifiesClients = true
    this.#function.addEnvironment('IDENTIFY_CLIENTS', 'true')
  }

  /** The methods that it decides on, as far as they are there yet. */
  protectedMethods(): CfnMethod[] {
    return this.#methods().filter(({ authorizerId }) => requirementReference(authorizerId)?.attached === this)
  }

  #stage(node: unknown): void {
    const resource = this.#function.node.defaultChild
    if (node === resource && resource instanceof CfnFunction && !this.#code.staged) {
      const inOrder = [...this.#routeTable()].toSorted(([a], [b]) => (a < b ? -1 : 1))
      this.#code.stage(this.#function, resource, JSON.stringify(Object.fromEntries(inOrder)))
    }
  }

  /** The methods that use this authorizer, wherever they are: one may be added late, by another stack or an aspect. */
  #routeTable(): RouteTable {
    const table = new Map<string, ScopeRequirement>()
    for (const method of this.#methods()) {
      const reference = requirementReference(method.authorizerId)
      const { scope } = method.node
      if (reference?.attached === this && scope instanceof Method)
        table.set(`${scope.httpMethod} ${scope.resource.path}`, reference.requirement)
    }
    return table
  }

  /** A method that names this authorizer without a requirement would only ever be refused. */
  #unlistedMethods(): string[] {
    const authorizer = this.#authorizer.node.defaultChild
    return this.#methods()
      .filter(({ authorizerId, node }) => {
        const attached = requirementReference(authorizerId)?.attached
        return refersTo(authorizerId, authorizer) || (attached === this && !(node.scope instanceof Method))
      })
      .map(
        method =>
          `method ${method.node.path} uses this authorizer without saying which scopes it needs: make it a Method with authorizer: countersign.authorizeRest({ audience, allOf })`,
      )
  }

  #methods(): CfnMethod[] {
    return (Stage.of(this) ?? this.node.root).node.findAll().filter(node => node instanceof CfnMethod)
  }

  #inseparable(table: RouteTable): string[] {
    return inseparableRoutes(table).map(
      ({ allowed, denied }) =>
        `${this.apiPath} cannot allow "${allowed}" and refuse "${denied}" to the same token: a policy of API Gateway has only *, which stands for slashes too; let both need the same scopes, or give "${denied}" a literal part that "${allowed}" has not`,
    )
  }

  /** @param declared undefined where the app declares no scopes */
  #tooLarge(table: RouteTable, declared: readonly string[] | undefined): string[] {
    const stageArn = this.#longestStageArn()
    const unnameable = unnameableRoutes(table, stageArn).map(
      routeKey =>
        `the path of "${routeKey}" of ${this.apiPath} is too long for a policy of API Gateway, whose resources have 512 characters: shorten it`,
    )
    const octets = largestPolicyOctets(table, stageArn)
    const largestScope = Math.max(octetsOfUndeclaredScope, declared?.join(' ').length ?? 0)
    const identifier = this.#identifiesClients ? octetsOfUsageIdentifier : 0
    const largestPolicy = largestAnswer - largestContextWithoutScope - largestScope - identifier
    if (octets <= largestPolicy) return unnameable
    return [
      ...unnameable,
      `the policy for the ${table.size} routes of ${this.apiPath} can have ${octets} octets, and ${largestPolicy} fit into an answer to API Gateway: divide the API, or replace routes that need the same scopes by one with {proxy+}`,
    ]
  }

  /** In the partition and Region with the longest names. */
  #longestStageArn(): string {
    const stageName = this.#api.deploymentStage?.stageName
    const stage = stageName === undefined || Token.isUnresolved(stageName) ? testStage : stageName
    const longest = stage.length > testStage.length ? stage : testStage
    return `arn:aws-us-gov:execute-api:ap-southeast-2:000000000000:a1b2c3d4e5/${longest}/`
  }
}
