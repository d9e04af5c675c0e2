import type { AuditEvent } from '../oauth/audit-event.ts'
import { metricNames, metricNamespace } from '../oauth/metric-names.ts'

type Unit = 'Count' | 'Seconds'

const decisionDimensions = [['service'], ['service', 'reason']]

/** For one alarm over all functions, and to see which of them it was. */
const dependencyDimensions = [[], ['service']]

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

  constructor(service: string, write: WriteLine, now: () => number) {
    this.#service = service
    this.#write = write
    this.#now = now
  }

  /** Records one decision, and counts it where there is a metric for it. */
  audit(event: AuditEvent, metric?: string): void {
    const { audit, outcome, reason, requestId, sourceIp, clientId, audience, scope, jti, actor, subject } =
      event
    this.#print(outcome === 'failed' ? 'ERROR' : 'INFO', {
      audit,
      outcome,
      reason,
      requestId,
      sourceIp,
      clientId,
      audience,
      scope,
      jti,
      actor,
      subject,
      ...(metric === undefined ? {} : this.#metric(metric, 1, 'Count', decisionDimensions)),
    })
  }

  /** Counts a failed call to a dependency, by the name of its error. */
  dependencyFailed(dependency: 'store' | 'kms', errorName: string): void {
    const metric = dependency === 'kms' ? metricNames.kmsErrors : metricNames.storeErrors
    this.#print('WARN', {
      message: `${dependency} call failed`,
      error: errorName,
      ...this.#metric(metric, 1, 'Count', dependencyDimensions),
    })
  }

  /** A signature that did not verify with its own key. */
  signatureSelfCheckFailed(kid: string): void {
    const message = 'KMS returned a signature that its public key does not verify; it was not released'
    this.#print('ERROR', { message, kid, ...this.#metric(metricNames.signatureSelfCheckFailed, 1, 'Count') })
  }

  /** The revocation store could not be read; the last snapshot serves until the grace is over. */
  revocationStoreUnreachable(ageSeconds: number): void {
    const message =
      'the revocations cannot be refreshed: the last snapshot decides until the outage grace is over'
    const age = Number.isFinite(ageSeconds) ? Math.round(ageSeconds * 10) / 10 : undefined
    const metric = this.#metric(metricNames.revocationStoreUnreachable, 1, 'Count')
    this.#print('ERROR', { message, ageSeconds: age, ...metric })
  }

  revocationSnapshotAge(ageSeconds: number): void {
    this.#print('INFO', { ...this.#metric(metricNames.revocationSnapshotAgeSeconds, ageSeconds, 'Seconds') })
  }

  /** A key that KMS has made, before anything else is done with it. */
  signingKeyCreated(kmsKeyArn: string): void {
    this.#print('INFO', { message: 'KMS key created', kmsKeyArn })
  }

  signingKeyAge(days: number): void {
    this.#print('INFO', { ...this.#metric(metricNames.signingKeyAgeDays, days, 'Count') })
  }

  /** A record in a table that cannot be trusted: which one, and which attribute; never its value. A store error. */
  malformedRecord(table: string, key: string, problem: string): void {
    const metric = this.#metric(metricNames.storeErrors, 1, 'Count', dependencyDimensions)
    this.#print('ERROR', { message: 'malformed record', table, key, problem, ...metric })
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

  #metric(name: string, value: number, unit: Unit, dimensions: string[][] = [['service']]) {
    const Metrics = [{ Name: name, Unit: unit }]
    const CloudWatchMetrics = [{ Namespace: metricNamespace, Dimensions: dimensions, Metrics }]
    return { [name]: value, _aws: { Timestamp: this.#now(), CloudWatchMetrics } }
  }

  #print(level: string, members: object): void {
    const timestamp = new Date(this.#now()).toISOString()
    this.#write(`${JSON.stringify({ timestamp, level, service: this.#service, ...members })}\n`)
  }
}
