import { Token } from 'aws-cdk-lib'
import { AuthorizationType, Authorizer, type IRestApi } from 'aws-cdk-lib/aws-apigateway'
import type { Construct } from 'constructs'
import { checkSameApi, checkSamePlace } from './authorize.ts'
import type { RouteAuthorizerSettings } from './authorizer-function.ts'
import { RequirementReference } from './requirement-reference.ts'
import { RestRouteAuthorizer } from './rest-route-authorizer.ts'
import { routeAuthorizerId } from './route-authorizer.ts'
import { type AuthorizeOptions, checkAudience, parseRequirement } from './scope-requirement.ts'

/** Attaches an audience and a scope requirement to every method that it is given to, of one REST API in any stack. */
export class RestScopeAuthorizer extends Authorizer {
  override readonly authorizationType = AuthorizationType.CUSTOM
  /** A token of its own, by which the methods that use this very object are found at synthesis. */
  readonly authorizerId: string
  readonly #reference: RequirementReference
  readonly #settings: RouteAuthorizerSettings
  readonly #audience: string

  constructor(scope: Construct, id: string, options: AuthorizeOptions, settings: RouteAuthorizerSettings) {
    super(scope, id)
    this.#settings = settings
    this.#audience = checkAudience(options.audience)
    this.#reference = new RequirementReference(parseRequirement(options), this.node.path)
    this.authorizerId = Token.asString(this.#reference)
  }

  /**
   * Called by CDK for each method that has this as its authorizer.
   *
   * @throws Error when the API already has another audience or another authorization server, or this another API
   * @internal
   */
  override _attachToApi(api: IRestApi): void {
    const authorizer = this.#authorizerOf(api)
    const { attached } = this.#reference
    if (attached !== undefined && attached !== authorizer) {
      throw new Error(
        `what authorizeRest returns must be on one API, got ${api.node.path} beside ${attached.apiPath}: call authorizeRest once for each API`,
      )
    }
    this.#reference.attached = authorizer
    authorizer.expectMethod()
  }

  #authorizerOf(api: IRestApi): RestRouteAuthorizer {
    const { server, place } = this.#settings
    const existing = api.node.tryFindChild(routeAuthorizerId)
    if (!(existing instanceof RestRouteAuthorizer)) {
      if (place === 'beside') checkSamePlace(server, api)
      return new RestRouteAuthorizer(api, this.#audience, this.#settings)
    }
    checkSameApi(existing, server, this.#audience, api)
    return existing
  }
}
