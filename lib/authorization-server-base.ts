import type { Authorizer, IRestApi, Method } from 'aws-cdk-lib/aws-apigateway'
import type { HttpApi, HttpRoute, IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct, type IConstruct } from 'constructs'
import { metricNames } from '../lambda/oauth/metric-names.ts'
import { ScopeAuthorizer } from './authorize.ts'
import type { RouteAuthorizerSettings } from './authorizer-function.ts'
import { serviceMetric } from './metrics.ts'
import { addResourceMetadata, type ResourceMetadataOptions } from './resource-metadata.ts'
import { RestScopeAuthorizer } from './rest-authorize.ts'
import { type AuthorizeOptions, checkAudience } from './scope-requirement.ts'

/** An authorization server of this app, or one that was deployed elsewhere. */
export interface IAuthorizationServer extends IConstruct {
  /** The issuer identifier (RFC 8414 §2). */
  readonly issuer: string
  /** Where its public keys are (RFC 7517 §5). */
  readonly jwksUri: string

  /**
   * What an HTTP API route needs of an access token; pass it as the route's `authorizer`, or as the API's
   * `defaultAuthorizer`. A request passes when its token is valid, names `audience`, is not revoked and has the scopes
   * (all of `allOf`, or one of `anyOf`).
   *
   * @throws Error when the audience or a scope is malformed, not exactly one of `allOf` and `anyOf` is given, or (when
   * the route is added) the API already has another audience or authorization server, or is in another account or Region
   * than a server of this app: use `fromAttributes` there
   */
  authorize(options: AuthorizeOptions): IHttpRouteAuthorizer

  /**
   * What a method of a REST API needs of an access token; pass it as the method's `authorizer`, or in the API's
   * `defaultMethodOptions`. It may be on any number of methods of one API, and passes requests as `authorize` does. The
   * API gets gateway responses with `WWW-Authenticate` and error codes (RFC 6750 §3), unless it already has some of the
   * same type.
   *
   * @throws Error when the audience or a scope is malformed, not exactly one of `allOf` and `anyOf` is given, or (when
   * the method is added) it is on another API, or the API already has another audience or authorization server, or is in
   * another account or Region than a server of this app: use `fromAttributes` there
   */
  authorizeRest(options: AuthorizeOptions): Authorizer

  /**
   * Publishes the metadata of a protected API (RFC 9728) on the API itself, below `/.well-known`, open to anybody: its
   * audience, this server as its authorization server, and its scopes where they are declared. The challenges of a REST
   * API then say where it is (RFC 9728 §5.1).
   *
   * @throws Error when the audience is no https URL, or (at synthesis) not that of the API's authorizer
   */
  addResourceMetadata(api: HttpApi, options: ResourceMetadataOptions): readonly HttpRoute[]
  addResourceMetadata(api: IRestApi, options: ResourceMetadataOptions): Method
}

/** What all authorization servers do for the APIs that they protect. */
export abstract class AuthorizationServerBase extends Construct implements IAuthorizationServer {
  /** The issuer identifier (RFC 8414 §2). */
  abstract readonly issuer: string
  /** Where its public keys are (RFC 7517 §5). */
  abstract readonly jwksUri: string
  /** @internal */
  protected abstract readonly _authorizers: RouteAuthorizerSettings
  readonly #restAuthorizers = new Construct(this, 'RestAuthorizers')

  /** @inheritDoc */
  authorize(options: AuthorizeOptions): IHttpRouteAuthorizer {
    return new ScopeAuthorizer(options, this._authorizers)
  }

  /** @inheritDoc */
  authorizeRest(options: AuthorizeOptions): Authorizer {
    const id = `Authorizer${this.#restAuthorizers.node.children.length}`
    return new RestScopeAuthorizer(this.#restAuthorizers, id, options, this._authorizers)
  }

  /** @inheritDoc */
  addResourceMetadata(api: HttpApi, options: ResourceMetadataOptions): readonly HttpRoute[]
  addResourceMetadata(api: IRestApi, options: ResourceMetadataOptions): Method
  addResourceMetadata(api: HttpApi | IRestApi, { audience }: ResourceMetadataOptions) {
    const { declaredScopes, logRetention } = this._authorizers
    return addResourceMetadata(api, {
      audience: checkAudience(audience),
      issuer: this.issuer,
      scopes: () => declaredScopes(audience),
      logRetention,
    })
  }

  /**
   * Requests that the authorizers of this account and Region have let through, those of other servers included.
   *
   * @default - the sum over five minutes
   */
  metricDecisionsAllowed(options?: MetricOptions): Metric {
    return serviceMetric(metricNames.decisionsAllowed, 'authorizer', options)
  }

  /**
   * Requests that they have refused: no valid token, or too little scope.
   *
   * @default - the sum over five minutes
   */
  metricDecisionsRefused(options?: MetricOptions): Metric {
    return serviceMetric(metricNames.decisionsRefused, 'authorizer', options)
  }

  /**
   * Requests that they have refused because they could not decide.
   *
   * @default - the sum over five minutes
   */
  metricDecisionsFailed(options?: MetricOptions): Metric {
    return serviceMetric(metricNames.decisionsFailed, 'authorizer', options)
  }
}
