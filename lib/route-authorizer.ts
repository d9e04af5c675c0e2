import { Aspects, Aws, Duration, Names, Reference, Stack, Stage, Token, Tokenization } from 'aws-cdk-lib'
import {
  CfnRoute,
  HttpAuthorizer,
  HttpAuthorizerType,
  type IHttpApi,
  type IHttpRoute,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { CfnFunction, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { Construct, type IConstruct } from 'constructs'
import type { ScopeRequirement } from '../lambda/oauth/route-table.ts'
import { createAuthorizerAlarms } from './alarms.ts'
import {
  createAuthorizerFunction,
  type RouteAuthorizerSettings,
  undeclaredScopes,
} from './authorizer-function.ts'
import { bundleFolder } from './functions.ts'
import { RouteTableBuilder } from './route-table.ts'
import { RouteTableCode } from './route-table-code.ts'

/** The child of an API that holds its authorizer. */
export const routeAuthorizerId = 'CountersignAuthorizer'

/** After the aspects that change the tree (a route may come from one), before those that only read it. */
export const stagingPriority = 900

/**
 * The authorizer of one protected API: a function in the API's own stack with the API's route table beside its code.
 * One API's load, policy or routes touch no other's, and only the issuer, the tables' and the topic's names cross.
 */
export class RouteAuthorizer extends Construct {
  readonly audience: string
  readonly server: Construct
  readonly authorizerId: string
  readonly #routes = new RouteTableBuilder()
  readonly #code: RouteTableCode
  readonly #function: LambdaFunction
  readonly #authorizer: HttpAuthorizer

  constructor(scope: Construct, api: IHttpApi, audience: string, settings: RouteAuthorizerSettings) {
    super(scope, routeAuthorizerId)
    this.audience = audience
    this.server = settings.server
    const bundle = settings.place === 'beside' ? 'authorizer' : 'remote-authorizer'
    this.#code = new RouteTableCode(bundleFolder(bundle))
    this.#function = createAuthorizerFunction(this, scope.node.path, this.#code, audience, settings)
    this.#authorizer = this.#attach(api, settings.decisionCacheTtlSeconds)
    this.authorizerId = this.#authorizer.authorizerId

    createAuthorizerAlarms(this, settings.alarmTopic, scope.node.path, this.#function)
    Aspects.of(this).add({ visit: node => this.#stage(node) }, { priority: stagingPriority })
    this.node.addValidation({
      validate: () => [
        ...this.#unlistedRoutes(),
        ...undeclaredScopes(this.#routes.scopes(), audience, this, settings),
      ],
    })
  }

  /** @throws Error when the route table is already staged */
  addRoute(route: IHttpRoute, requirement: ScopeRequirement): void {
    if (this.#code.staged) {
      throw new Error(
        `route ${route.node.path} was added after the route table of ${this.node.path} was staged: add it before synthesis, or give the aspect that adds it a priority below ${stagingPriority} and a scope around the API`,
      )
    }
    this.#routes.add(route, requirement)
  }

  #attach(api: IHttpApi, decisionCacheTtlSeconds: number): HttpAuthorizer {
    const authorizer = new HttpAuthorizer(this, 'Authorizer', {
      httpApi: api,
      authorizerName: authorizerName(this),
      type: HttpAuthorizerType.LAMBDA,
      authorizerUri: `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}:lambda:path/2015-03-31/functions/${this.#function.functionArn}/invocations`,
      enableSimpleResponses: true,
      resultsCacheTtl: Duration.seconds(decisionCacheTtlSeconds),
      // A cached answer counts for everything with the same identity sources: without the route key, for all routes.
      identitySource:
        decisionCacheTtlSeconds > 0
          ? ['$request.header.Authorization', '$context.routeKey']
          : ['$request.header.Authorization'],
    })
    this.#function.addPermission('InvokedByAuthorizer', {
      principal: new ServicePrincipal('apigateway.amazonaws.com'),
      sourceArn: Stack.of(this).formatArn({
        service: 'execute-api',
        resource: api.apiId,
        resourceName: `authorizers/${authorizer.authorizerId}`,
      }),
    })
    return authorizer
  }

  #stage(node: unknown): void {
    const resource = this.#function.node.defaultChild
    if (node === resource && resource instanceof CfnFunction && !this.#code.staged) {
      this.#code.stage(this.#function, resource, this.#routes.toJson())
    }
  }

  /** A route that names this authorizer without a requirement would only ever be refused. */
  #unlistedRoutes(): string[] {
    const authorizer = this.#authorizer.node.defaultChild
    return (Stage.of(this) ?? this.node.root).node
      .findAll()
      .filter(node => node instanceof CfnRoute)
      .filter(route => refersTo(route.authorizerId, authorizer) && !this.#routes.has(route))
      .map(
        route =>
          `route "${route.routeKey}" (${route.node.path}) uses this authorizer without saying which scopes it needs: make it an HttpRoute with authorizer: countersign.authorize({ audience, allOf })`,
      )
  }
}

/** Of its place in the app: an API that several stacks know by its id takes no two authorizers of one name. */
export function authorizerName(authorizer: Construct): string {
  return Names.uniqueResourceName(authorizer, { separator: '-', maxLength: 128 })
}

export function refersTo(text: string | undefined, authorizer: IConstruct | undefined): boolean {
  if (text === undefined || !Token.isUnresolved(text) || authorizer === undefined) return false
  return Tokenization.reverseString(text).tokens.some(
    token => Reference.isReference(token) && token.target === authorizer,
  )
}
