import { Stack, Token } from 'aws-cdk-lib'
import type {
  HttpRouteAuthorizerBindOptions,
  HttpRouteAuthorizerConfig,
  IHttpApi,
  IHttpRouteAuthorizer,
} from 'aws-cdk-lib/aws-apigatewayv2'
import type { Construct } from 'constructs'
import type { ScopeRequirement } from '../lambda/oauth/route-table.ts'
import type { RouteAuthorizerSettings } from './authorizer-function.ts'
import { RouteAuthorizer, routeAuthorizerId } from './route-authorizer.ts'
import { type AuthorizeOptions, checkAudience, parseRequirement } from './scope-requirement.ts'

/** Attaches an audience and a scope requirement to every route that it is given to, of any API in any stack. */
export class ScopeAuthorizer implements IHttpRouteAuthorizer {
  readonly #settings: RouteAuthorizerSettings
  readonly #audience: string
  readonly #requirement: ScopeRequirement

  constructor(options: AuthorizeOptions, settings: RouteAuthorizerSettings) {
    this.#settings = settings
    this.#audience = checkAudience(options.audience)
    this.#requirement = parseRequirement(options)
  }

  /**
   * A method of a `RestApi` asks for it, a route of an `HttpApi` does not. Where types are not checked, such a method
   * would be open to anybody otherwise.
   *
   * @throws Error always
   */
  get authorizationType(): never {
    throw new Error('what authorize returns is for routes of an HttpApi: protect a RestApi by authorizeRest')
  }

  /** @throws Error when the API already has another audience or another authorization server */
  bind({ route, scope }: HttpRouteAuthorizerBindOptions): HttpRouteAuthorizerConfig {
    const authorizer = this.#authorizerOf(scope, route.httpApi)
    authorizer.addRoute(route, this.#requirement)
    return { authorizerId: authorizer.authorizerId, authorizationType: 'CUSTOM' }
  }

  #authorizerOf(scope: Construct, api: IHttpApi): RouteAuthorizer {
    const { server, place } = this.#settings
    const existing = scope.node.tryFindChild(routeAuthorizerId)
    if (!(existing instanceof RouteAuthorizer)) {
      if (place === 'beside') checkSamePlace(server, scope)
      return new RouteAuthorizer(scope, api, this.#audience, this.#settings)
    }
    checkSameApi(existing, server, this.#audience, scope)
    return existing
  }
}

/** An API answers to one authorization server, and its tokens have one audience. */
export function checkSameApi(
  existing: { readonly server: Construct; readonly audience: string },
  server: Construct,
  audience: string,
  api: Construct,
): void {
  if (existing.server !== server) {
    throw new Error(
      `${api.node.path} must have one authorization server, got ${server.node.path} beside ${existing.server.node.path}: make a second API`,
    )
  }
  if (existing.audience !== audience) {
    throw new Error(
      `${api.node.path} must have one audience, got "${audience}" beside "${existing.audience}": use the same audience on all its routes, or make a second API`,
    )
  }
}

/** Functions read tables by name, and a name means another table in another account or Region. */
export function checkSamePlace(
  expected: Construct,
  actual: Construct,
  [what, remedy] = [
    'its authorization server',
    'attach it by AuthorizationServer.fromAttributes, or deploy an authorization server there',
  ],
): void {
  const there = Stack.of(expected)
  const here = Stack.of(actual)
  for (const place of ['account', 'region'] as const) {
    const [wanted, got] = [there[place], here[place]]
    if (wanted !== got && !Token.isUnresolved(wanted) && !Token.isUnresolved(got)) {
      throw new Error(
        `${actual.node.path} must be in the ${place} of ${what}, ${wanted}, got ${got}: ${remedy}`,
      )
    }
  }
}
