import { Annotations } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { createDecisionAlarms } from './alarms.ts'
import {
  type AuthorizationServerAttributes,
  checkIssuer,
  checkRoleArn,
  checkTableArn,
  regionOf,
} from './authorization-server-attributes.ts'
import { AuthorizationServerBase } from './authorization-server-base.ts'
import { checkDelays } from './authorization-server-props.ts'
import { type RouteAuthorizerSettings, revocationEnvironment } from './authorizer-function.ts'
import { endpointsBelow } from './endpoints.ts'
import { readRevocations } from './permissions.ts'

/** A server that another app has deployed. Its authorizers know it by its JWKS, and its revocations by their table. */
export class ImportedAuthorizationServer extends AuthorizationServerBase {
  readonly issuer: string
  readonly jwksUri: string
  /** @internal */
  protected readonly _authorizers: RouteAuthorizerSettings

  /** @throws Error when the issuer is no https URL, or a setting is out of its limits */
  constructor(scope: Construct, id: string, attributes: AuthorizationServerAttributes) {
    super(scope, id)
    this.issuer = checkIssuer(attributes.issuer)
    this.jwksUri = endpointsBelow(this.issuer).jwksUri
    checkUse(attributes)
    if (attributes.revocations === undefined) {
      Annotations.of(this).addWarningV2(
        'countersign:noRevocations',
        'the authorizers of this server read no revocations: a revoked token passes until it expires, a revoked key for up to five minutes; say where the revocations are, or acknowledge this',
      )
    }
    const delays = checkDelays({ ...attributes, revocationShards: attributes.revocations?.shards })
    createDecisionAlarms(this, attributes.alarmTopic)
    this._authorizers = {
      server: this,
      issuer: this.issuer,
      place: 'elsewhere',
      environment: { JWKS_URI: this.jwksUri, ...environmentOf(attributes, delays) },
      permissions: () => permissionsOf(attributes),
      decisionCacheTtlSeconds: delays.decisionCacheTtlSeconds,
      logRetention: attributes.logRetention,
      alarmTopic: attributes.alarmTopic,
      dashboard: undefined,
      declaredScopes: () => undefined,
    }
  }
}

/** A promise that nothing keeps is not to be made. */
function checkUse({ revocations, maxRevocationDelay, revocationOutageGrace }: AuthorizationServerAttributes) {
  if (revocations !== undefined) return
  if (maxRevocationDelay === undefined && revocationOutageGrace === undefined) return
  throw new Error(
    'maxRevocationDelay and revocationOutageGrace must not be set without revocations: nothing is read that they could bound; say where the revocations are, or remove them',
  )
}

function environmentOf(
  { revocations }: AuthorizationServerAttributes,
  delays: ReturnType<typeof checkDelays>,
): Record<string, string> {
  if (revocations === undefined) return {}
  const tableArn = checkTableArn(revocations.tableArn)
  return {
    ...revocationEnvironment(tableArn, delays),
    REVOCATIONS_REGION: regionOf(tableArn),
    ...(revocations.readRoleArn !== undefined && {
      REVOCATIONS_ROLE_ARN: checkRoleArn(revocations.readRoleArn),
    }),
  }
}

function permissionsOf({ revocations }: AuthorizationServerAttributes): PolicyStatement[] {
  if (revocations === undefined) return []
  if (revocations.readRoleArn === undefined) return readRevocations(revocations.tableArn)
  return [
    new PolicyStatement({
      sid: 'AssumeRevocationReader',
      actions: ['sts:AssumeRole'],
      resources: [revocations.readRoleArn],
    }),
  ]
}
