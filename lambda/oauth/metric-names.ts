/** The CloudWatch namespace of every metric that the functions publish. */
export const metricNamespace = 'Countersign'

/**
 * The metrics, each with the dimension set [service]; decisions with [service, reason] as well, store and KMS errors,
 * unusable keys and wrong clocks also without a dimension, which one alarm over all functions watches.
 * No metric has a client as a dimension.
 */
export const metricNames = {
  tokensIssued: 'TokensIssued',
  tokensRefused: 'TokensRefused',
  tokensFailed: 'TokensFailed',
  revocationsAccepted: 'RevocationsAccepted',
  revocationsRefused: 'RevocationsRefused',
  revocationsFailed: 'RevocationsFailed',
  introspectionsAnswered: 'IntrospectionsAnswered',
  introspectionsRefused: 'IntrospectionsRefused',
  introspectionsFailed: 'IntrospectionsFailed',
  decisionsAllowed: 'DecisionsAllowed',
  decisionsRefused: 'DecisionsRefused',
  decisionsFailed: 'DecisionsFailed',
  administrationAllowed: 'AdministrationAllowed',
  administrationRefused: 'AdministrationRefused',
  administrationFailed: 'AdministrationFailed',
  /** A call to DynamoDB that failed after its retries. */
  storeErrors: 'StoreErrors',
  /** A call to KMS that failed after its retries. */
  kmsErrors: 'KmsErrors',
  /** An answer of the store that shows this machine's clock to be more than ten seconds off. */
  clockWrong: 'ClockWrong',
  signingKeyAgeDays: 'SigningKeyAgeDays',
  revocationSnapshotAgeSeconds: 'RevocationSnapshotAgeSeconds',
  /** A revocation snapshot that could not be refreshed in time: an outage grace has begun. */
  revocationStoreUnreachable: 'RevocationStoreUnreachable',
  /** More live revocations than a snapshot may hold: for ten minutes or more every decision reads the table. */
  tooManyRevocations: 'TooManyRevocations',
  /** A key of the ring that KMS will not use: disabled, or to be deleted. */
  signingKeyUnusable: 'SigningKeyUnusable',
  /** A signature that did not verify: the token was not released. */
  signatureSelfCheckFailed: 'SignatureSelfCheckFailed',
  /** Clients whose API key is missing after a run on schedule: APIs that throttle by client refuse them. */
  apiKeysMissing: 'ApiKeysMissing',
} as const

export type MetricName = (typeof metricNames)[keyof typeof metricNames]
