import type { IRestApi } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, type HttpRoute } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Dashboard, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Grant, IGrantable, IPrincipal, IRole } from 'aws-cdk-lib/aws-iam'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'
import { metricNames } from '../lambda/oauth/metric-names.ts'
import { AuthorizationServerAlarms, createAlarmTopic } from './alarms.ts'
import {
  AssembledAuthorizationServer,
  type AuthorizationServerParts,
  authorizersOf,
} from './assembled-authorization-server.ts'
import type { AuthorizationServerAttributes } from './authorization-server-attributes.ts'
import { AuthorizationServerBase, type IAuthorizationServer } from './authorization-server-base.ts'
import { type AuthorizationServerProps, checkSettings } from './authorization-server-props.ts'
import type { RouteAuthorizerSettings } from './authorizer-function.ts'
import type { ClientOptions } from './client-options.ts'
import { ClientThrottling, type ClientThrottlingOptions } from './client-throttling.ts'
import { AuthorizationServerDashboard } from './dashboard.ts'
import { type DeclaredClient, DeclaredClients } from './declared-clients.ts'
import { addDefaultStage, asksForCertificates } from './default-stage.ts'
import { endpointsBelow } from './endpoints.ts'
import { ImportedAuthorizationServer } from './imported-authorization-server.ts'
import { serviceMetric } from './metrics.ts'
import { type ResourceServerOptions, ResourceServers } from './resource-servers.ts'
import { type AuthorizationServerFunctions, createServerFunctions } from './server-functions.ts'
import { addServerRoutes } from './server-routes.ts'
import { SigningKeyRing } from './signing-key-ring.ts'
import { type AuthorizationServerStorage, storageOf } from './storage.ts'

/**
 * An OAuth 2.0 authorization server for machine clients: token, revocation, metadata and administration endpoints,
 * their tables and signing keys, a dashboard and alarms; and, by `authorize`, the authorizers of the APIs it protects.
 */
export class AuthorizationServer extends AuthorizationServerBase {
  /**
   * A server that was deployed by another app, to another account or Region, or by none of CDK: APIs of this app can
   * ask for its tokens. Their authorizers read its JWKS, and its revocations where `revocations` says how.
   *
   * @throws Error when the issuer is no https URL, or a setting is out of its limits
   */
  static fromAttributes(
    scope: Construct,
    id: string,
    attributes: AuthorizationServerAttributes,
  ): IAuthorizationServer {
    return new ImportedAuthorizationServer(scope, id, attributes)
  }

  /**
   * A server that this app puts together from parts (`AuthorizationServerStorage`, `TokenFunction`, `KeeperFunction`,
   * ...): its `authorize` and `authorizeRest` attach APIs in the server's account and Region, as those of an
   * `AuthorizationServer` do.
   *
   * @throws Error when the issuer is no https URL, a setting is out of its limits, or the storage is in another account
   * or Region
   */
  static fromParts(scope: Construct, id: string, parts: AuthorizationServerParts): AuthorizationServerBase {
    return new AssembledAuthorizationServer(scope, id, parts)
  }

  /** The issuer identifier (RFC 8414 §2): the API's endpoint, or `https://` and the custom domain's name. */
  readonly issuer: string
  /** Where clients get tokens (RFC 6749 §3.2). */
  readonly tokenEndpoint: string
  /** Where clients revoke their tokens (RFC 7009). */
  readonly revocationEndpoint: string
  /** Where resource servers ask about tokens (RFC 7662). */
  readonly introspectionEndpoint: string
  /** Where the public keys are (RFC 7517 §5). */
  readonly jwksUri: string
  /** Where the administration API begins; its requests are signed with SigV4. */
  readonly adminEndpoint: string
  /** The API of the server's own endpoints. */
  readonly api: HttpApi
  /** Tables and keys. */
  readonly storage: AuthorizationServerStorage
  /** The functions behind the API, and those that look after keys and registrations. */
  readonly functions: Required<AuthorizationServerFunctions>
  /** The registered clients, with digests of their secrets. */
  readonly clientsTable: ITableV2
  /** What is revoked: `revocations.table` of a guard (`countersign/guard`). */
  readonly revocationsTable: ITableV2
  /** The ring of signing keys: `keys.table` of a guard (`countersign/guard`). */
  readonly signingKeysTable: ITableV2
  /** What counts once or for minutes: assertions that were used, failed authentications. */
  readonly singleUseTable: ITableV2
  /** The registered resource servers, with their scopes. */
  readonly resourceServersTable: ITableV2
  /** Which keys in the `SigningKeys` table are this server's: `keys.ring` of a guard (`countersign/guard`). */
  readonly signingKeyRing: string
  /** Where alarms go: subscribe the people who act on them. */
  readonly alarmTopic: ITopic
  /** What the server and its authorizers do, in CloudWatch. */
  readonly dashboard: Dashboard
  /** @internal */
  protected readonly _authorizers: RouteAuthorizerSettings
  readonly #resourceServers: ResourceServers
  readonly #clients: DeclaredClients
  readonly #throttling: ClientThrottling
  readonly #administration: readonly HttpRoute[]

  /** @throws Error when a setting is out of its limits, or would break the promised revocation delay */
  constructor(scope: Construct, id: string, props: AuthorizationServerProps = {}) {
    super(scope, id)
    const { tokenThrottle } = checkSettings(props)
    const { domainName, logRetention } = props

    const api = new HttpApi(this, 'Api', {
      apiName: 'authorization-server',
      description: 'Countersign: OAuth 2.0 for machine clients',
      createDefaultStage: false,
      // Otherwise the same tokens could be had under a second name, past whatever guards the domain.
      disableExecuteApiEndpoint: domainName !== undefined,
    })
    const issuer = domainName === undefined ? api.apiEndpoint : `https://${domainName.name}`
    const storage = storageOf(this, props)
    const functions = createServerFunctions(this, { ...props, issuer, storage })
    const { keeper, registrar } = functions
    const signingKeyRing = new SigningKeyRing(this, 'SigningKeyRing', { keeper })
    const resourceServers = new ResourceServers(this, 'ResourceServerDeclarations', { registrar })
    // A token function that asks for registered grants comes after the grants that exist have been registered.
    functions.token.node.addDependency(resourceServers)
    this.#administration = addServerRoutes(api, functions)
    const stage = addDefaultStage(api, { logRetention, throttle: tokenThrottle, domainName })
    // No request before there is a key to answer it with.
    stage.node.addDependency(signingKeyRing)

    const parts = { api, functions, storage }
    const alarmTopic = props.alarmTopic ?? createAlarmTopic(this)
    const dashboard = new AuthorizationServerDashboard(this, 'Dashboard', parts)
    new AuthorizationServerAlarms(this, 'Alarms', { ...parts, alarmTopic, signingKeyRing })
    this._authorizers = authorizersOf(this, {
      ...props,
      issuer,
      storage,
      resourceServers,
      alarmTopic,
      dashboard,
    })
    this.#clients = new DeclaredClients(this, 'DeclaredClients', {
      issuer,
      storage,
      resourceServers,
      logRetention,
      alarmTopic,
      dashboard,
      endpoints: api,
      introspection: functions.introspection,
      mutualTls: asksForCertificates(props.domainName),
    })
    const watched = { alarmTopic, dashboard, logRetention }
    this.#throttling = new ClientThrottling(this, 'ClientThrottling', { server: this, storage, ...watched })
    this.#resourceServers = resourceServers

    const endpoints = endpointsBelow(issuer)
    this.issuer = issuer
    this.tokenEndpoint = endpoints.tokenEndpoint
    this.revocationEndpoint = endpoints.revocationEndpoint
    this.introspectionEndpoint = endpoints.introspectionEndpoint
    this.jwksUri = endpoints.jwksUri
    this.adminEndpoint = endpoints.adminEndpoint
    this.api = api
    this.storage = storage
    this.functions = functions
    this.clientsTable = storage.clients
    this.revocationsTable = storage.revocations
    this.signingKeysTable = storage.signingKeys
    this.singleUseTable = storage.singleUse
    this.resourceServersTable = storage.resourceServers
    this.signingKeyRing = storage.signingKeyRing
    this.alarmTopic = alarmTopic
    this.dashboard = dashboard
  }

  /**
   * Declares a protected API: its audience, its scopes and, if it has one, the lifetime of its tokens. It is registered
   * at deployment; clients can then be granted those scopes, and `authorize` takes no others for that audience.
   *
   * @throws Error when it is malformed, or the audience is declared already
   */
  addResourceServer(options: ResourceServerOptions): void {
    this.#resourceServers.add(options)
  }

  /**
   * Declares a client: deployment registers it, changes it with the app, and disables it when it leaves the app. A secret
   * goes into AWS Secrets Manager and nowhere else, and is rotated there.
   *
   * @param id stays the same over the client's life: under another one it is another client, with another `client_id`
   * @throws Error when it is malformed, or the id is taken
   */
  addClient(id: string, options: ClientOptions): DeclaredClient {
    return this.#clients.add(id, options)
  }

  /**
   * Throttles the clients of a REST API that `authorizeRest` protects, each by itself. Callers send no key: a function of
   * this server keeps one for each client. A client that goes over its limits gets 429, the others nothing of it.
   *
   * @throws Error when the limits are out of range, or the API is imported, elsewhere, without a deployment stage,
   * throttled already or has its API keys from a header
   */
  throttleClients(api: IRestApi, options: ClientThrottlingOptions): void {
    this.#throttling.add(api, options)
  }

  /**
   * A role with which authorizers of another account or Region read the revocations, and nothing else. Give its ARN to
   * `fromAttributes` there, as `revocations.readRoleArn`.
   *
   * @param assumedBy who may assume it: an account, or better the roles of the authorizers
   */
  addRevocationReader(id: string, options: { readonly assumedBy: IPrincipal }): IRole {
    return this.storage.addRevocationReader(id, options)
  }

  /**
   * Lets a service that is behind no gateway read what a guard (`countersign/guard`) decides by: revocations, and public
   * signing keys. It may write nothing.
   */
  grantGuard(grantee: IGrantable): Grant {
    return this.storage.grantGuard(grantee)
  }

  /** Lets an IAM principal use the whole administration API: it can make itself a client with any grant. */
  grantAdministration(grantee: IGrantable): Grant {
    return this.#administration
      .map(route => route.grantInvoke(grantee))
      .reduce((all, grant) => all.combine(grant))
  }

  /**
   * Access tokens issued. As all metrics of this package it has no dimension of its own for a server: two servers in one
   * account and Region count together.
   *
   * @default - the sum over five minutes
   */
  metricTokensIssued(options?: MetricOptions): Metric {
    return serviceMetric(metricNames.tokensIssued, 'token', options)
  }

  /**
   * Token requests refused, with a wrong secret for instance.
   *
   * @default - the sum over five minutes
   */
  metricTokensRefused(options?: MetricOptions): Metric {
    return serviceMetric(metricNames.tokensRefused, 'token', options)
  }

  /**
   * Token requests answered 5xx.
   *
   * @default - the sum over five minutes
   */
  metricTokensFailed(options?: MetricOptions): Metric {
    return serviceMetric(metricNames.tokensFailed, 'token', options)
  }

  /**
   * Revocations by clients (RFC 7009) that were acknowledged.
   *
   * @default - the sum over five minutes
   */
  metricRevocationsAccepted(options?: MetricOptions): Metric {
    return serviceMetric(metricNames.revocationsAccepted, 'revoke', options)
  }
}
