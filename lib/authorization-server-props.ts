import { Duration, type RemovalPolicy, Token } from 'aws-cdk-lib'
import type { IDomainName } from 'aws-cdk-lib/aws-apigatewayv2'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import { type JwsAlgorithm, jwsAlgorithms } from '../lambda/oauth/public-key.ts'
import { type Custody, custodies } from '../lambda/oauth/signing-key.ts'
import { oneOf, wholeNumber, wholeSeconds } from './limits.ts'
import type { AuthorizationServerStorage } from './storage.ts'

/** How many requests a stage lets through; above it the answer is 429. Best effort, as API Gateway's throttling is. */
export interface TokenThrottle {
  /** Requests a second, sustained. At least 1. */
  readonly rateLimit: number
  /** Requests at once, above the rate. A whole number, at least 1. */
  readonly burstLimit: number
}

/** How many failed client authentications are answered before their source is told to wait. */
export interface AuthenticationFailureLimit {
  /** Failures of one client from one source address (IPv6: one /64 network). A whole number, 1 to 1000. */
  readonly failures: number
  /** In which time they count, and how long the source then waits at most. 1 to 3600 seconds. */
  readonly window: Duration
}

/** Every setting is optional. Durations are whole seconds, known at synthesis. */
export interface AuthorizationServerProps {
  /**
   * Tables and signing keys that the app has made, in the server's account and Region: in a stack of their own, for
   * instance. `signingKeyCustody`, `revocationShards`, `removalPolicy` and `deletionProtection` are then set there.
   *
   * @default - new ones, in the server's own stack
   */
  readonly storage?: AuthorizationServerStorage

  /**
   * The custom domain of the server: the issuer becomes `https://<name>`, the API is mapped to the domain's root and
   * its `execute-api` endpoint is disabled. Changing it changes the issuer: every token issued before is refused.
   * Its certificate is one of the server's own Region; a DNS alias to it is yours to make.
   *
   * @default - the issuer is the API's own endpoint, which changes when the API is made anew
   */
  readonly domainName?: IDomainName

  /**
   * How long an access token is valid, unless its client has a lifetime of its own. 60 to 3600 seconds.
   *
   * @default Duration.seconds(600)
   */
  readonly accessTokenLifetime?: Duration

  /**
   * The longest time from an acknowledged revocation to the last request that any API lets through for it, every cache
   * included. 0 to 300 seconds; 0 makes each request read the revocations table.
   *
   * @default Duration.seconds(5)
   */
  readonly maxRevocationDelay?: Duration

  /**
   * How much longer the last revocations read serve while the table cannot be reached; then everything is refused. 0
   * to 3600 seconds. Must not be set where `maxRevocationDelay` is 0: there is nothing to serve from.
   *
   * @default Duration.seconds(60)
   */
  readonly revocationOutageGrace?: Duration

  /**
   * How long API Gateway repeats a decision for the same token and route (of a REST API: token) without asking. It is
   * part of `maxRevocationDelay` and must be shorter. An expired token may pass for as long, too. 0 to 299 seconds; 0
   * turns the cache off.
   *
   * @default Duration.seconds(0)
   */
  readonly decisionCacheTtl?: Duration

  /**
   * What access tokens are signed with: ES256, RS256, PS256 or EdDSA. API Gateway's own JWT authorizer verifies RSA
   * signatures only: RS256 (docs/native-jwt-authorizer.md). After a change the keeper publishes a key of the new
   * algorithm and lets it sign once every verifier has had the time to learn of it; tokens of the old one stay valid
   * until they expire.
   *
   * @default 'ES256'
   */
  readonly signingAlgorithm?: JwsAlgorithm

  /**
   * Where the private signing keys are. `kms`: in KMS, which makes every signature. `envelope`: wrapped by a KMS key and
   * unwrapped once by each execution environment of the token function, which signs in process: faster, and without a
   * fee for each token.
   *
   * @default 'kms'
   */
  readonly signingKeyCustody?: Custody

  /**
   * How long a signing key signs before the next one does, by itself. 1 hour to 365 days.
   *
   * @default Duration.days(90)
   */
  readonly signingKeyRotation?: Duration

  /**
   * The throttle of the server's stage, all of its endpoints together; above it they answer 429. KMS signs 1,000 times a
   * second for an account and Region, unless raised.
   *
   * @default - 500 requests a second, 1000 at once
   */
  readonly tokenThrottle?: TokenThrottle

  /**
   * After this many failed authentications of one client from one source address (IPv6: one /64 network) the pair is
   * answered 429 until the window has passed, even with the right secret; from elsewhere the client gets its tokens.
   *
   * @default - 20 failures in 60 seconds
   */
  readonly authenticationFailureLimit?: AuthenticationFailureLimit

  /**
   * How long the log groups of the server and of its authorizers keep their events, audit events included.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays

  /**
   * Where alarms go, those of the authorizers included. CloudWatch must be allowed to publish to it.
   *
   * @default - a new topic, `alarmTopic` of the construct, without subscribers: nobody hears of an alarm
   */
  readonly alarmTopic?: ITopic

  /**
   * Over how many partitions revocations are spread; each carries 3,000 strong reads and 1,000 writes a second. A
   * whole number, 1 to 16, fixed when the server is created: with another number, revocations made before are not found.
   *
   * @default 4
   */
  readonly revocationShards?: number

  /**
   * What happens to the tables of clients, resource servers, revocations and signing keys when they leave the stack.
   * `RemovalPolicy.DESTROY` takes `deletionProtection: false` as well.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy

  /**
   * Whether DynamoDB refuses to delete the tables of clients, resource servers, revocations and signing keys.
   *
   * @default true
   */
  readonly deletionProtection?: boolean
}

/** What authorizers take of the settings. */
export interface CheckedDelays {
  readonly decisionCacheTtlSeconds: number
  /** How old an authorizer's revocations may get: the delay without what the decision cache takes of it. */
  readonly revocationRefreshSeconds: number
  readonly revocationOutageGraceSeconds: number
  readonly revocationShards: number
}

/** The numbers among the settings, in seconds and counts, defaults filled in. */
export interface CheckedSettings extends CheckedDelays {
  readonly accessTokenLifetimeSeconds: number
  readonly signingAlgorithm: JwsAlgorithm
  readonly signingKeyCustody: Custody
  readonly signingKeyRotationSeconds: number
  readonly tokenThrottle: TokenThrottle
  readonly authenticationFailureLimit: { readonly failures: number; readonly windowSeconds: number }
}

/** @throws Error when a setting is out of its limits, or settings would break the promised revocation delay */
export function checkDelays(
  props: Pick<
    AuthorizationServerProps,
    'maxRevocationDelay' | 'revocationOutageGrace' | 'decisionCacheTtl' | 'revocationShards'
  >,
): CheckedDelays {
  const delay = wholeSeconds('maxRevocationDelay', props.maxRevocationDelay ?? Duration.seconds(5), {
    min: 0,
    max: 300,
  })
  const cacheTtl = wholeSeconds('decisionCacheTtl', props.decisionCacheTtl ?? Duration.seconds(0), {
    min: 0,
    max: 299,
  })
  if (cacheTtl > 0 && cacheTtl >= delay) {
    throw new Error(
      `decisionCacheTtl must be shorter than maxRevocationDelay (${delay} seconds), got ${cacheTtl} seconds: a cached decision outlives a revocation; lower decisionCacheTtl or raise maxRevocationDelay`,
    )
  }
  if (delay === 0 && props.revocationOutageGrace !== undefined) {
    throw new Error(
      'revocationOutageGrace must not be set with a maxRevocationDelay of 0 seconds: every request reads the table, so there is nothing to serve from; remove it or raise maxRevocationDelay',
    )
  }
  const grace = wholeSeconds('revocationOutageGrace', props.revocationOutageGrace ?? Duration.seconds(60), {
    min: 0,
    max: 3600,
  })
  return {
    decisionCacheTtlSeconds: cacheTtl,
    revocationRefreshSeconds: delay - cacheTtl,
    revocationOutageGraceSeconds: delay === 0 ? 0 : grace,
    revocationShards: wholeNumber('revocationShards', props.revocationShards ?? 4, { min: 1, max: 16 }),
  }
}

/** @throws Error as `checkDelays` does */
export function checkSettings(props: AuthorizationServerProps): CheckedSettings {
  return {
    ...checkDelays(props),
    accessTokenLifetimeSeconds: wholeSeconds(
      'accessTokenLifetime',
      props.accessTokenLifetime ?? Duration.seconds(600),
      { min: 60, max: 3600 },
    ),
    signingAlgorithm: oneOf('signingAlgorithm', props.signingAlgorithm ?? 'ES256', jwsAlgorithms),
    signingKeyCustody: oneOf('signingKeyCustody', props.signingKeyCustody ?? 'kms', custodies),
    signingKeyRotationSeconds: wholeSeconds(
      'signingKeyRotation',
      props.signingKeyRotation ?? Duration.days(90),
      { min: 3600, max: 365 * 86_400 },
    ),
    authenticationFailureLimit: checkFailureLimit(
      props.authenticationFailureLimit ?? { failures: 20, window: Duration.seconds(60) },
    ),
    tokenThrottle: checkThrottle(props.tokenThrottle ?? { rateLimit: 500, burstLimit: 1000 }),
  }
}

function checkFailureLimit({
  failures,
  window,
}: AuthenticationFailureLimit): CheckedSettings['authenticationFailureLimit'] {
  const limits = { min: 1, max: 3600 }
  return {
    failures: wholeNumber('authenticationFailureLimit.failures', failures, { min: 1, max: 1000 }),
    windowSeconds: wholeSeconds('authenticationFailureLimit.window', window, limits),
  }
}

function checkThrottle(throttle: TokenThrottle): TokenThrottle {
  const { rateLimit, burstLimit } = throttle
  if (!Token.isUnresolved(rateLimit) && !(rateLimit >= 1 && Number.isFinite(rateLimit))) {
    throw new Error(
      `tokenThrottle.rateLimit must be at least 1 request a second, got ${rateLimit}: a lower rate turns the server off`,
    )
  }
  if (!Token.isUnresolved(burstLimit) && !(burstLimit >= 1 && Number.isInteger(burstLimit))) {
    throw new Error(
      `tokenThrottle.burstLimit must be a whole number of at least 1 request, got ${burstLimit}: a lower burst turns the server off`,
    )
  }
  return throttle
}
