import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'
import { checkIssuer } from './authorization-server-attributes.ts'
import { AuthorizationServerBase } from './authorization-server-base.ts'
import { type AuthorizationServerProps, checkDelays } from './authorization-server-props.ts'
import { checkSamePlace } from './authorize.ts'
import { type RouteAuthorizerSettings, revocationEnvironment } from './authorizer-function.ts'
import { endpointsBelow } from './endpoints.ts'
import { authorizerPermissions } from './permissions.ts'
import type { ResourceServers } from './resource-servers.ts'
import type { AuthorizationServerStorage } from './storage.ts'

/** The parts of an authorization server that its APIs' authorizers rest on. Durations are whole seconds. */
export interface AuthorizationServerParts
  extends Pick<
    AuthorizationServerProps,
    'maxRevocationDelay' | 'revocationOutageGrace' | 'decisionCacheTtl'
  > {
  /** The issuer identifier (RFC 8414 §2): an https URL without a slash at its end, the `iss` of the server's tokens. */
  readonly issuer: string

  /** Where signing keys and revocations are. */
  readonly storage: AuthorizationServerStorage

  /**
   * The protected APIs that the app declares: `authorize` takes no other scopes for their audiences.
   *
   * @default - scopes are not checked at synthesis
   */
  readonly resourceServers?: ResourceServers

  /**
   * How long the log groups of authorizers keep their events.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays

  /**
   * Where the alarms of authorizers go.
   *
   * @default - alarms tell nobody
   */
  readonly alarmTopic?: ITopic

  /**
   * Which dashboard shows the authorizers that are in its own stack.
   *
   * @default - none
   */
  readonly dashboard?: Dashboard
}

/** An authorization server that the app has put together from parts. */
export class AssembledAuthorizationServer extends AuthorizationServerBase {
  readonly issuer: string
  readonly jwksUri: string
  /** Where its clients, signing keys and revocations are. */
  readonly storage: AuthorizationServerStorage
  /** @internal */
  protected readonly _authorizers: RouteAuthorizerSettings

  /** @throws Error when the issuer is no https URL, a setting is out of its limits, or the storage is in another account or Region */
  constructor(scope: Construct, id: string, parts: AuthorizationServerParts) {
    super(scope, id)
    this.issuer = checkIssuer(parts.issuer)
    this.jwksUri = endpointsBelow(parts.issuer).jwksUri
    this.storage = parts.storage
    this._authorizers = authorizersOf(this, parts)
  }
}

/** What the authorizers of a server of this app have in common: they read its tables. */
export function authorizersOf(
  server: AuthorizationServerBase,
  parts: AuthorizationServerParts,
): RouteAuthorizerSettings {
  const { issuer, storage, resourceServers } = parts
  checkSamePlace(storage, server, ['its storage', 'put both into stacks of the same account and Region'])
  const delays = checkDelays({ ...parts, revocationShards: storage.revocationShards })
  return {
    server,
    issuer,
    place: 'beside',
    environment: {
      SIGNING_KEYS_TABLE: storage.signingKeys.tableName,
      SIGNING_KEY_RING: storage.signingKeyRing,
      ...revocationEnvironment(storage.revocations.tableName, delays),
    },
    permissions: () => authorizerPermissions(storage),
    decisionCacheTtlSeconds: delays.decisionCacheTtlSeconds,
    logRetention: parts.logRetention,
    alarmTopic: parts.alarmTopic,
    dashboard: parts.dashboard,
    declaredScopes: audience => resourceServers?.scopesOf(audience),
    declaredAudiences: () => resourceServers?.audiences() ?? [],
  }
}
