import { Arn, ArnFormat, type Duration, Token } from 'aws-cdk-lib'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import { isJwksUri } from '../lambda/oauth/jwks-uri.ts'
import { endpointPaths } from '../lambda/oauth/metadata.ts'

/** Where a server keeps its revocations. */
export interface RevocationsAttributes {
  /** The ARN of its table (output `RevocationsTable` is the name), or of a replica. The ARN says which Region is asked. */
  readonly tableArn: string

  /**
   * A role of the server's account that may read the table: `addRevocationReader` makes one. The authorizers may assume
   * it; the role must let them.
   *
   * @default - the authorizers read with their own roles, which they are given the permission for
   */
  readonly readRoleArn?: string

  /**
   * The server's `revocationShards`, a whole number from 1 to 16. With another number, revocations are not found.
   *
   * @default 4
   */
  readonly shards?: number
}

/** What an app has to know of an authorization server that it did not make. Durations are whole seconds. */
export interface AuthorizationServerAttributes {
  /** The issuer identifier (RFC 8414 §2): an https URL without a slash at its end, the `iss` of the server's tokens. */
  readonly issuer: string

  /**
   * How the authorizers know of revocations.
   *
   * @default - they do not: a revoked token passes until it expires, a revoked key for up to five minutes; the warning
   * `countersign:noRevocations` says so
   */
  readonly revocations?: RevocationsAttributes

  /**
   * The longest time from an acknowledged revocation to the last request that the APIs of this app let through for it.
   * The server's promise holds here only if this is not longer than its own. 0 to 300 seconds; 0 makes each request read
   * the revocations. Not without `revocations`.
   *
   * @default Duration.seconds(5)
   */
  readonly maxRevocationDelay?: Duration

  /**
   * How much longer the last revocations read serve while the table cannot be reached; then everything is refused. 0 to
   * 3600 seconds. Not without `revocations`, nor where `maxRevocationDelay` is 0.
   *
   * @default Duration.seconds(60)
   */
  readonly revocationOutageGrace?: Duration

  /**
   * How long API Gateway repeats a decision for the same token and route (of a REST API: token) without asking. Part of
   * `maxRevocationDelay`, and shorter. An expired token may pass for as long, too. 0 to 299 seconds; 0 turns the cache
   * off.
   *
   * @default Duration.seconds(0)
   */
  readonly decisionCacheTtl?: Duration

  /**
   * How long the log groups of these authorizers keep their events, audit events included.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays

  /**
   * Where the alarms of these authorizers go. CloudWatch must be allowed to publish to it.
   *
   * @default - alarms tell nobody
   */
  readonly alarmTopic?: ITopic
}

/** @throws Error when it cannot be an issuer that an authorizer may trust */
export function checkIssuer(issuer: string): string {
  if (Token.isUnresolved(issuer)) return issuer
  const isHttps = URL.canParse(issuer) && new URL(issuer).protocol === 'https:'
  // RFC 8414 §2. Its text is compared as it is, and paths are put after it. The JWKS is read by this spelling, or not at all.
  const isReadable = isHttps && isJwksUri(`${issuer}${endpointPaths.jwks}`, new URL(issuer).origin)
  if (isReadable && !/[?#]|\/$/.test(issuer)) return issuer
  throw new Error(
    `issuer must be an https URL as a URL parser writes it, without user, query, fragment or a slash at its end (RFC 8414 §2), got "${issuer}": take the output Issuer of the server's stack`,
  )
}

/** @throws Error when it is no ARN of a DynamoDB table */
export function checkTableArn(tableArn: string): string {
  if (Token.isUnresolved(tableArn)) return tableArn
  if (/^arn:[^:]+:dynamodb:[^:]+:\d{12}:table\/[\w.-]+$/.test(tableArn)) return tableArn
  throw new Error(
    `revocations.tableArn must be the ARN of a DynamoDB table, got "${tableArn}": arn:aws:dynamodb:<region>:<account>:table/<output RevocationsTable of the server's stack>`,
  )
}

/** @throws Error when it is no ARN of a role */
export function checkRoleArn(roleArn: string): string {
  if (Token.isUnresolved(roleArn) || /^arn:[^:]+:iam::\d{12}:role\/[!-~]+$/.test(roleArn)) return roleArn
  throw new Error(
    `revocations.readRoleArn must be the ARN of a role, got "${roleArn}": take that of addRevocationReader, arn:aws:iam::<account>:role/<name>`,
  )
}

/** The Region that a table's ARN names, which may be known at deployment only. */
export function regionOf(tableArn: string): string {
  return Arn.split(tableArn, ArnFormat.SLASH_RESOURCE_NAME).region ?? ''
}
