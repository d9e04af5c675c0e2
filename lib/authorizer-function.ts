import { Annotations, Duration } from 'aws-cdk-lib'
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'
import type { CheckedDelays } from './authorization-server-props.ts'
import { addFunctionToDashboard } from './dashboard.ts'
import { CountersignFunction } from './functions.ts'
import type { RouteTableCode } from './route-table-code.ts'

/** What every authorizer of an authorization server has in common. */
export interface RouteAuthorizerSettings {
  /** The construct of the authorization server: an API answers to one. */
  readonly server: Construct
  readonly issuer: string
  /** Where decisions are made: beside the server's tables, or away from them. */
  readonly place: 'beside' | 'elsewhere'
  /** Where it finds keys and revocations. */
  readonly environment: Readonly<Record<string, string>>
  readonly permissions: () => PolicyStatement[]
  readonly decisionCacheTtlSeconds: number
  readonly logRetention: RetentionDays | undefined
  /** @default - alarms tell nobody */
  readonly alarmTopic: ITopic | undefined
  /** @default - none */
  readonly dashboard: Dashboard | undefined
  /** The scopes of an audience that the app declares; undefined = it does not. */
  readonly declaredScopes: (audience: string) => readonly string[] | undefined
  /** The audiences that the app declares. @default - none */
  readonly declaredAudiences?: () => readonly string[]
}

/** Makes the function that decides on the requests to one API, and puts it on the dashboard of its own stack. */
export function createAuthorizerFunction(
  authorizer: Construct,
  apiPath: string,
  code: RouteTableCode,
  audience: string,
  settings: RouteAuthorizerSettings,
): LambdaFunction {
  const handler = new CountersignFunction(authorizer, 'Function', {
    service: 'authorizer',
    description: 'Countersign: decides on the requests to one API',
    code,
    memorySize: 512,
    timeout: Duration.seconds(5),
    environment: { ISSUER: settings.issuer, AUDIENCE: audience, ...settings.environment },
    statements: settings.permissions(),
    logRetention: settings.logRetention,
  })
  addFunctionToDashboard(settings.dashboard, `Authorizer of ${apiPath}`, handler)
  return handler
}

/**
 * A scope that no client can be granted would only ever be refused. An audience that the app does not declare may be
 * registered by administration, or misspelt, by a slash at its end: that is a warning.
 */
export function undeclaredScopes(
  required: readonly string[],
  audience: string,
  authorizer: Construct,
  { declaredScopes, declaredAudiences }: RouteAuthorizerSettings,
): string[] {
  const declared = declaredScopes(audience)
  if (declared === undefined) {
    const others = declaredAudiences?.() ?? []
    if (others.length > 0) {
      Annotations.of(authorizer).addWarningV2(
        'countersign:undeclaredAudience',
        `audience "${audience}" is not declared, as ${others.map(other => `"${other}"`).join(', ')} is: until administration registers it, no client gets a token for it; correct its spelling, or add it by addResourceServer`,
      )
    }
    return []
  }
  return required
    .filter(scope => !declared.includes(scope))
    .map(
      scope =>
        `scope "${scope}" is required by a route of ${authorizer.node.path} and not declared for "${audience}": add it to the scopes of addResourceServer, or correct the route`,
    )
}

/** What an authorizer's function is told of the revocations. */
export function revocationEnvironment(table: string, delays: CheckedDelays): Record<string, string> {
  return {
    REVOCATIONS_TABLE: table,
    REVOCATION_SHARDS: String(delays.revocationShards),
    REVOCATION_REFRESH_SECONDS: String(delays.revocationRefreshSeconds),
    REVOCATION_OUTAGE_GRACE_SECONDS: String(delays.revocationOutageGraceSeconds),
  }
}
