import type { DynamoDbAccess } from '../lambda/adapters/aws-clients.ts'
import type { AuditEvent } from '../lambda/oauth/audit-event.ts'

/** What a guard is made of. */
export interface GuardOptions {
  /**
   * The authorization server (RFC 8414 §2): the one `iss` that tokens may have, compared character by character. An https
   * URL (http on a loopback address alone) without a query, a fragment or a slash at its end, at most 512 characters.
   */
  readonly issuer: string

  /**
   * This service's resource indicator (RFC 8707 §2): the one `aud` that tokens may have. An absolute URI without a
   * fragment, at most 512 characters.
   */
  readonly audience: string

  /**
   * How the guard hears of revocations. With `'none'` it does not: a revoked token, or one of a client that was disabled,
   * passes until it expires, up to an hour; a revoked signing key until the keys are read again, up to five minutes.
   */
  readonly revocations: RevocationsTableOptions | IntrospectionOptions | 'none'

  /**
   * Where the issuer's public keys are.
   *
   * @default - the issuer's JWKS, at `/.well-known/jwks.json` below the issuer
   */
  readonly keys?: JwksOptions | SigningKeysTableOptions

  /**
   * Region, credentials and endpoint of DynamoDB, for the two kinds of tables.
   *
   * @default - as the environment says (`AWS_REGION` and the usual credential chain)
   */
  readonly dynamoDb?: DynamoDbAccess

  /**
   * The `realm` of a challenge (RFC 9110 §11.5): printable ASCII without quotes and backslashes.
   *
   * @default - challenges have none
   */
  readonly realm?: string

  /**
   * The URL of this service's protected resource metadata, which challenges then name (RFC 9728 §5.1): https, or http on
   * a loopback address, at most 512 characters.
   *
   * @default - challenges name none
   */
  readonly resourceMetadata?: string

  /**
   * Told of each decision: the audit event of the Lambda authorizer, without any token. When it throws, or
   * its promise is rejected, the request is refused: no request passes without its audit event.
   *
   * @default - nobody is told
   */
  readonly onDecision?: (event: AuditEvent) => unknown

  /**
   * Where lines go that say why something cannot be known, such as a store that does not answer: one JSON document each,
   * with its line end, in CloudWatch's embedded metric format where something is counted. Never a token or secret.
   *
   * @default - nowhere
   */
  readonly log?: (line: string) => void
}

/** The issuer's JWKS (RFC 7517 §5), read again every five minutes, and within ten seconds for a key that is not in it. */
export interface JwksOptions {
  /** https; http on a loopback address alone. One request of at most 3 s and 64 KiB, no redirects. */
  readonly jwksUri: string
}

/** The `SigningKeys` table: inside the account, without a request to the issuer. Needs `dynamodb:Query` on it. */
export interface SigningKeysTableOptions {
  /** The table's name or ARN. */
  readonly table: string
  /** The ring of the deployment: `signingKeyRing` of its `AuthorizationServer`. */
  readonly ring: string
}

/**
 * The `Revocations` table, read as the Lambda authorizer reads it: a snapshot in memory, refreshed by deltas. Needs
 * `dynamodb:BatchGetItem` on the table and `dynamodb:Query` on its index.
 */
export interface RevocationsTableOptions {
  /** The table's name or ARN. */
  readonly table: string

  /**
   * `revocationShards` of the deployment, a whole number from 1 to 16: with too few, revocations are missed.
   *
   * @default 4
   */
  readonly shards?: number

  /**
   * After a revocation was acknowledged, this guard allows nothing later than so many seconds: a whole number from 0 to
   * 300. With 0 each request reads the table.
   *
   * @default 5
   */
  readonly maxRevocationDelaySeconds?: number

  /**
   * How much longer the last snapshot decides while the table cannot be reached: 0 to 3600 seconds. Then every request
   * is answered 503. Must not be set with a delay of 0.
   *
   * @default 60; 0 with a delay of 0
   */
  readonly revocationOutageGraceSeconds?: number
}

/**
 * Introspection at the issuer (RFC 7662), after a token was verified here. The client must be registered with
 * `--resource-server` and this guard's audience; for any other, every token is inactive, and refused as revoked.
 */
export interface IntrospectionOptions {
  /** The client's `client_id`, as it was registered. */
  readonly clientId: string

  /** The client's secret, for `client_secret_basic`; or what gives it for each request, as it may be rotated. */
  readonly clientSecret: string | (() => string | Promise<string>)

  /**
   * https; http on a loopback address alone. One request of at most 2 s and 64 KiB, no redirects.
   *
   * @default - `/introspect` below the issuer
   */
  readonly introspectionEndpoint?: string

  /**
   * How long an answer is used for the same token, from when it was asked for: 0 to 300 seconds. With 0 the issuer is
   * asked for each request. While it does not answer, what is not known is answered 503.
   *
   * @default 5
   */
  readonly maxRevocationDelaySeconds?: number
}
