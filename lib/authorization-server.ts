import { RemovalPolicy } from 'aws-cdk-lib'
import type { Authorizer } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, type HttpRoute, type IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { type IGrantable, type IPrincipal, type IRole, PolicyDocument, Role } from 'aws-cdk-lib/aws-iam'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import { Construct } from 'constructs'
import { createAlarms, createAlarmTopic } from './alarms.ts'
import type { AuthorizationServerAttributes } from './authorization-server-attributes.ts'
import { type AuthorizationServerProps, checkSettings } from './authorization-server-props.ts'
import { ScopeAuthorizer } from './authorize.ts'
import { type RouteAuthorizerSettings, revocationEnvironment } from './authorizer-function.ts'
import type { ClientOptions } from './client-options.ts'
import { createDashboard } from './dashboard.ts'
import { type DeclaredClient, DeclaredClients } from './declared-clients.ts'
import { addDefaultStage } from './default-stage.ts'
import { ImportedAuthorizationServer } from './imported-authorization-server.ts'
import { authorizerPermissions, revocationReaderPermissions } from './permissions.ts'
import { addResourceMetadata } from './resource-metadata.ts'
import { type ResourceServerOptions, ResourceServers } from './resource-servers.ts'
import { RestScopeAuthorizer } from './rest-authorize.ts'
import { type AuthorizeOptions, checkAudience } from './scope-requirement.ts'
import { createServerFunctions } from './server-functions.ts'
import { addServerRoutes } from './server-routes.ts'
import { createSigningKeyRing, createWrappingKey, ringName, scheduleKeeper } from './signing-key-ring.ts'
import { type CountersignTables, createTables } from './tables.ts'

/** An authorization server of this app, or one that was deployed elsewhere. */
export interface IAuthorizationServer {
  /** The issuer identifier (RFC 8414 §2). */
  readonly issuer: string
  readonly jwksUri: string

  /**
   * What an HTTP API route needs of an access token; pass it as the route's `authorizer`, or as the API's
   * `defaultAuthorizer`. A request passes when its token is valid, names `audience`, is not revoked and has the scopes
   * (all of `allOf`, or one of `anyOf`).
   *
   * @throws Error when the audience or a scope is malformed, not exactly one of `allOf` and `anyOf` is given, or (when
   * the route is added) the API already has another audience or authorization server
   */
  authorize(options: AuthorizeOptions): IHttpRouteAuthorizer

  /**
   * Publishes the metadata of a protected API (RFC 9728) on the API itself, below `/.well-known`, open to anybody: its
   * audience, this server as its authorization server, and its scopes where they are declared.
   *
   * @throws Error when the audience is no https URL
   */
  addResourceMetadata(api: HttpApi, options: { readonly audience: string }): readonly HttpRoute[]
}

/**
 * An OAuth 2.0 authorization server for machine clients: token, revocation, metadata and administration endpoints,
 * their tables and signing keys, a dashboard and alarms; and, by `authorize`, the authorizers of the APIs it protects.
 */
export class AuthorizationServer extends Construct implements IAuthorizationServer {
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

  /** The issuer identifier (RFC 8414 §2): the API's endpoint, or `https://` and the custom domain's name. */
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly revocationEndpoint: string
  readonly introspectionEndpoint: string
  readonly jwksUri: string
  /** Where the administration API begins; its requests are signed with SigV4. */
  readonly adminEndpoint: string
  readonly clientsTable: ITableV2
  readonly revocationsTable: ITableV2
  readonly signingKeysTable: ITableV2
  readonly singleUseTable: ITableV2
  readonly resourceServersTable: ITableV2
  /** Which keys in the `SigningKeys` table are this server's: `keys.ring` of a guard (`countersign/guard`). */
  readonly signingKeyRing: string
  /** Where alarms go: subscribe the people who act on them. */
  readonly alarmTopic: ITopic
  readonly dashboard: Dashboard
  readonly #resourceServers: ResourceServers
  readonly #clients: DeclaredClients
  readonly #administration: readonly HttpRoute[]
  readonly #authorizers: RouteAuthorizerSettings
  readonly #restAuthorizers = new Construct(this, 'RestAuthorizers')
  readonly #tables: CountersignTables

  /** @throws Error when a setting is out of its limits, or would break the promised revocation delay */
  constructor(scope: Construct, id: string, props: AuthorizationServerProps = {}) {
    super(scope, id)
    const settings = checkSettings(props)
    const logRetention = props.logRetention ?? RetentionDays.SIX_MONTHS
    const ring = ringName(this)
    this.signingKeyRing = ring

    const api = new HttpApi(this, 'Api', {
      apiName: 'authorization-server',
      description: 'Countersign: OAuth 2.0 for machine clients',
      createDefaultStage: false,
      // Otherwise the same tokens could be had under a second name, past whatever guards the domain.
      disableExecuteApiEndpoint: props.domainName !== undefined,
    })
    this.issuer = props.domainName === undefined ? api.apiEndpoint : `https://${props.domainName.name}`
    this.tokenEndpoint = `${this.issuer}/token`
    this.revocationEndpoint = `${this.issuer}/revoke`
    this.introspectionEndpoint = `${this.issuer}/introspect`
    this.jwksUri = `${this.issuer}/.well-known/jwks.json`
    this.adminEndpoint = `${this.issuer}/admin`

    const tables = createTables(this, {
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
      deletionProtection: props.deletionProtection ?? true,
    })
    this.#tables = tables
    this.clientsTable = tables.clients
    this.revocationsTable = tables.revocations
    this.signingKeysTable = tables.signingKeys
    this.singleUseTable = tables.singleUse
    this.resourceServersTable = tables.resourceServers

    const functions = createServerFunctions(this, {
      issuer: this.issuer,
      ring,
      tables,
      settings,
      logRetention,
      wrappingKey: settings.signingKeyCustody === 'envelope' ? createWrappingKey(this, ring) : undefined,
    })
    const signingKeyRing = createSigningKeyRing(this, functions.keeper, ring, settings)
    scheduleKeeper(this, functions.keeper)
    this.#resourceServers = new ResourceServers(this, functions.registrar)
    // A token function that asks for registered grants comes after the grants that exist have been registered.
    functions.token.node.addDependency(this.#resourceServers.resource)
    this.#administration = addServerRoutes(api, functions)
    const stage = addDefaultStage(api, {
      logRetention,
      throttle: settings.tokenThrottle,
      domainName: props.domainName,
    })
    // No request before there is a key to answer it with.
    stage.node.addDependency(signingKeyRing)

    const { keeper, registrar } = functions
    const endpoints = {
      Token: functions.token,
      Revoke: functions.revoke,
      Introspect: functions.introspect,
      Metadata: functions.metadata,
      Admin: functions.admin,
    }
    const Tables = {
      Clients: tables.clients,
      Revocations: tables.revocations,
      SigningKeys: tables.signingKeys,
      SingleUse: tables.singleUse,
      ResourceServers: tables.resourceServers,
    }
    this.alarmTopic = props.alarmTopic ?? createAlarmTopic(this)
    this.dashboard = createDashboard(this, {
      api,
      functions: { ...endpoints, Keeper: keeper, Registrar: registrar },
      tables: Tables,
    })
    createAlarms(this, {
      topic: this.alarmTopic,
      api,
      functions: endpoints,
      keeper,
      signingKeyRing,
      tables: Tables,
    })

    this.#authorizers = {
      server: this,
      issuer: this.issuer,
      bundle: 'authorizer',
      environment: {
        SIGNING_KEYS_TABLE: tables.signingKeys.tableName,
        SIGNING_KEY_RING: ring,
        ...revocationEnvironment(tables.revocations.tableName, settings),
      },
      permissions: () => authorizerPermissions(tables),
      decisionCacheTtlSeconds: settings.decisionCacheTtlSeconds,
      logRetention,
      alarmTopic: this.alarmTopic,
      dashboard: this.dashboard,
      declaredScopes: audience => this.#resourceServers.scopesOf(audience),
    }
    this.#clients = new DeclaredClients(this, 'DeclaredClients', {
      tokenEndpoint: this.tokenEndpoint,
      introspectionEndpoint: this.introspectionEndpoint,
      server: ring,
      tables,
      revocationShards: settings.revocationShards,
      logRetention,
      alarmTopic: this.alarmTopic,
      resourceServers: this.#resourceServers.resource,
      endpoints: api,
      scopesOf: audience => this.#resourceServers.scopesOf(audience),
    })
  }

  /**
   * The API may be in any stack of the server's account and Region; elsewhere use `fromAttributes`.
   *
   * @inheritDoc
   */
  authorize(options: AuthorizeOptions): IHttpRouteAuthorizer {
    return new ScopeAuthorizer(options, this.#authorizers)
  }

  /**
   * What a method of a REST API needs of an access token; pass it as the method's `authorizer`, or in the API's
   * `defaultMethodOptions`. It may be on any number of methods of one API, which may be in any stack of the server's
   * account and Region, and passes requests as `authorize` does. The API gets gateway responses with
   * `WWW-Authenticate` and error codes (RFC 6750 §3), unless it already has some of the same type.
   *
   * @throws Error when the audience or a scope is malformed, not exactly one of `allOf` and `anyOf` is given, or (when
   * the method is added) it is on another API, or the API already has another audience or authorization server
   */
  authorizeRest(options: AuthorizeOptions): Authorizer {
    const id = `Authorizer${this.#restAuthorizers.node.children.length}`
    return new RestScopeAuthorizer(this.#restAuthorizers, id, options, this.#authorizers)
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

  /** @inheritDoc */
  addResourceMetadata(api: HttpApi, { audience }: { readonly audience: string }): readonly HttpRoute[] {
    return addResourceMetadata(api, {
      audience: checkAudience(audience),
      issuer: this.issuer,
      scopes: () => this.#resourceServers.scopesOf(audience),
      logRetention: this.#authorizers.logRetention,
    })
  }

  /**
   * A role with which authorizers of another account or Region read the revocations, and nothing else. Give its ARN to
   * `fromAttributes` there, as `revocations.readRoleArn`.
   *
   * @param assumedBy who may assume it: an account, or better the roles of the authorizers
   */
  addRevocationReader(id: string, { assumedBy }: { readonly assumedBy: IPrincipal }): IRole {
    return new Role(this, id, {
      assumedBy,
      description: 'Countersign: reads revocations, for authorizers elsewhere',
      inlinePolicies: {
        Policy: new PolicyDocument({ statements: revocationReaderPermissions(this.#tables) }),
      },
    })
  }

  /**
   * Lets a service that is behind no gateway read what a guard (`countersign/guard`) decides by: revocations, and public
   * signing keys. It may write nothing.
   */
  grantGuard(grantee: IGrantable): void {
    this.revocationsTable.grant(grantee, 'dynamodb:BatchGetItem', 'dynamodb:Query')
    this.signingKeysTable.grant(grantee, 'dynamodb:Query')
  }

  /** Lets an IAM principal use the whole administration API: it can make itself a client with any grant. */
  grantAdministration(grantee: IGrantable): void {
    for (const route of this.#administration) route.grantInvoke(grantee)
  }
}
