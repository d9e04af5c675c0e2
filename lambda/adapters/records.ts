import type { AuditEvent } from '../oauth/audit-event.ts'
import { type MetricName, metricNames, metricNamespace } from '../oauth/metric-names.ts'
import type { Dependency } from '../oauth/unavailable.ts'
import type { JwksProblem } from './fetch-jwks.ts'

interface Metric {
  readonly name: MetricName
  /** @default 1 */
  readonly value?: number
  /** @default Count */
  readonly unit?: 'Count' | 'Seconds'
  /** The same for every use of a name. @default [['service']] */
  readonly dimensions?: readonly (readonly string[])[]
}

const decisionDimensions = [['service'], ['service', 'reason']]

/** For one alarm over all functions, and to see which of them it was. */
const dependencyDimensions = [[], ['service']]

/** The others have none: a deployment, a rotation or a run on schedule that they make fail is seen as such. */
const dependencyMetrics: Readonly<Record<Dependency, MetricName | undefined>> = {
  store: metricNames.storeErrors,
  kms: metricNames.kmsErrors,
  secrets: undefined,
  api_gateway: undefined,
}

/** Where lines go; standard output in Lambda, one write a line. */
export type WriteLine = (line: string) => void

/**
 * The only writer of what a function prints: one JSON document a line, from the members listed here and no others.
 * Audit events carry their metric on the same line, in CloudWatch's embedded metric format.
 */
export class Records {
  readonly #service: string
  readonly #write: WriteLine
  readonly #now: () => number
  readonly #definitions = new Map<string, string>()

  constructor(service: string, write: WriteLine, now: () => number) {
    this.#service = service
    this.#write = write
    this.#now = now
  }

  /** Records one decision, and counts it where there is a metric for it. */
  audit(event: AuditEvent, metric?: MetricName): void {
    const { audit, outcome, reason, requestId, sourceIp, clientId, audience, scope, jti, actor, subject } =
      event
    this.#print(
      outcome === 'failed' ? 'ERROR' : 'INFO',
      { audit, outcome, reason, requestId, sourceIp, clientId, audience, scope, jti, actor, subject },
      metric === undefined ? undefined : { name: metric, dimensions: decisionDimensions },
    )
  }

  /** Counts a failed call to a dependency, by the name of its error. */
  dependencyFailed(dependency: Dependency, errorName: string): void {
    const name = dependencyMetrics[dependency]
    const message = `${dependency} call failed`
    const metric = name && { name, dimensions: dependencyDimensions }
    this.#print('WARN', { message, error: errorName }, metric)
  }

  /** A signature that did not verify with its own key. */
  signatureSelfCheckFailed(kid: string): void {
    const message = 'a signature did not verify with its own public key; it was not released'
    this.#print('ERROR', { message, kid }, { name: metricNames.signatureSelfCheckFailed })
  }

  /** A key of the ring that KMS will not use: disabled, or to be deleted. Another one signs where there is one. */
  signingKeyUnusable(kid: string): void {
    const message = 'KMS does not use this signing key: enable it, or cancel its deletion'
    this.#print(
      'ERROR',
      { message, kid },
      { name: metricNames.signingKeyUnusable, dimensions: dependencyDimensions },
    )
  }

  /** The revocation store could not be read; the last snapshot serves until the grace is over. */
  revocationStoreUnreachable(ageSeconds: number): void {
    const message =
      'the revocations cannot be refreshed: the last snapshot decides until the outage grace is over'
    const age = Number.isFinite(ageSeconds) ? Math.round(ageSeconds * 10) / 10 : undefined
    this.#print('ERROR', { message, ageSeconds: age }, { name: metricNames.revocationStoreUnreachable })
  }

  /** There are more revocations than a snapshot may hold: for ten minutes or more every decision reads the table. */
  tooManyRevocations(revocations: number): void {
    const message = 'there are too many revocations for a snapshot: each decision looks them up for now'
    this.#print('ERROR', { message, revocations }, { name: metricNames.tooManyRevocations })
  }

  revocationSnapshotAge(ageSeconds: number): void {
    const name = metricNames.revocationSnapshotAgeSeconds
    this.#print('INFO', {}, { name, value: ageSeconds, unit: 'Seconds' })
  }

  /** This machine's clock differs from the store's: by seconds, negative = it is behind. */
  clockWrong(errorSeconds: number): void {
    const message = 'the clock is wrong: nothing is issued or allowed by it'
    this.#print(
      'ERROR',
      { message, errorSeconds },
      { name: metricNames.clockWrong, dimensions: dependencyDimensions },
    )
  }

  /** A key that KMS has made, before anything else is done with it. */
  signingKeyCreated(kmsKeyArn: string): void {
    this.#print('INFO', { message: 'KMS key created', kmsKeyArn })
  }

  signingKeyAge(days: number): void {
    this.#print('INFO', {}, { name: metricNames.signingKeyAgeDays, value: days })
  }

  /** How many clients have no API key after all that could be done. */
  apiKeysMissing(clients: number): void {
    this.#print('INFO', {}, { name: metricNames.apiKeysMissing, value: clients })
  }

  /** A record in a table that cannot be trusted: which one, and which attribute; never its value. A store error. */
  malformedRecord(table: string, key: string, problem: string): void {
    const metric = { name: metricNames.storeErrors, dimensions: dependencyDimensions }
    this.#print('ERROR', { message: 'malformed record', table, key, problem }, metric)
  }

  /** The keys of a client could not be fetched from its `jwks_uri`, or not used: why, and nothing of the URI. */
  clientKeysUnavailable(problem: JwksProblem): void {
    this.#print('WARN', { message: 'the keys at the jwks_uri of a client are not available', problem })
  }

  /** The issuer's own JWKS or introspection endpoint could not be used: which, and why; nothing of its answer. */
  issuerUnavailable(endpoint: 'jwks' | 'introspection', problem: string): void {
    this.#print('WARN', { message: 'the issuer did not answer as it must', endpoint, problem })
  }

  /** An error that nobody expected: its name and where it was thrown; its message may quote a request. */
  unexpected(error: unknown): void {
    const where =
      error instanceof Error ? error.stack?.split('\n').filter(line => /^ {4}at /.test(line)) : undefined
    const name = error instanceof Error ? error.name : typeof error
    this.#print('ERROR', {
      message: 'unexpected error',
      error: name,
      where: where?.slice(0, 8).map(line => line.trim()),
    })
  }

  #print(level: string, members: object, metric?: Metric): void {
    const now = this.#now()
    const timestamp = new Date(now).toISOString()
    const line = JSON.stringify({ timestamp, level, service: this.#service, ...members })
    this.#write(metric === undefined ? `${line}\n` : `${line.slice(0, -1)},${this.#embed(metric, now)}}\n`)
  }

  /** The metric's members of a line. Its definition is the same text every time: most of a line's cost. */
  #embed({ name, value = 1, unit = 'Count', dimensions = [['service']] }: Metric, now: number): string {
    let definition = this.#definitions.get(name)
    if (definition === undefined) {
      const Metrics = [{ Name: name, Unit: unit }]
      definition = JSON.stringify([{ Namespace: metricNamespace, Dimensions: dimensions, Metrics }])
      this.#definitions.set(name, definition)
    }
    return `"${name}":${value},"_aws":{"Timestamp":${now},"CloudWatchMetrics":${definition}}`
  }
}
