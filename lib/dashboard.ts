import { Duration, Stack } from 'aws-cdk-lib'
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import { Dashboard, GraphWidget, type IMetric, TextWidget } from 'aws-cdk-lib/aws-cloudwatch'
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { metricNames } from '../lambda/oauth/metric-names.ts'
import {
  functionDuration,
  metricByReason,
  metricByService,
  serviceMetric,
  tableSystemErrors,
  tableThrottles,
} from './metrics.ts'
import { type AuthorizationServerFunctions, endpointsByName } from './server-functions.ts'
import { type CountersignTables, tablesByName } from './tables.ts'

/** What is shown. */
export interface AuthorizationServerDashboardProps {
  /** Whose requests and latency are shown. */
  readonly api: HttpApi
  /** Whose duration, errors and throttles are shown. */
  readonly functions: AuthorizationServerFunctions
  /** Whose throttles and system errors are shown. */
  readonly storage: CountersignTables
}

const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
  new GraphWidget({ title, left, right, width: 8, height: 6 })

/** What the system does, from the work to the parts: tokens, decisions, latency, errors, store and keys. */
export class AuthorizationServerDashboard extends Dashboard {
  constructor(scope: Construct, id: string, props: AuthorizationServerDashboardProps) {
    super(scope, id, { defaultInterval: Duration.hours(3) })
    const { api } = props
    const { keeper, registrar } = props.functions
    const functions: [string, IFunction][] = [...endpointsByName(props.functions), ['Keeper', keeper]]
    if (registrar !== undefined) functions.push(['Registrar', registrar])
    const tableList = tablesByName(props.storage)
    this.addWidgets(
      graph('Tokens', [
        serviceMetric(metricNames.tokensIssued, 'token', { label: 'issued' }),
        serviceMetric(metricNames.tokensRefused, 'token', { label: 'refused' }),
        serviceMetric(metricNames.tokensFailed, 'token', { label: 'failed' }),
      ]),
      graph('Token refusals by reason', [metricByReason(metricNames.tokensRefused, 'token')]),
      graph('Revocations', [
        serviceMetric(metricNames.revocationsAccepted, 'revoke', { label: 'accepted' }),
        serviceMetric(metricNames.revocationsRefused, 'revoke', { label: 'refused' }),
        serviceMetric(metricNames.revocationsFailed, 'revoke', { label: 'failed' }),
      ]),
    )
    this.addWidgets(
      graph('Decisions of all authorizers', [
        serviceMetric(metricNames.decisionsAllowed, 'authorizer', { label: 'allowed' }),
        serviceMetric(metricNames.decisionsRefused, 'authorizer', { label: 'refused' }),
        serviceMetric(metricNames.decisionsFailed, 'authorizer', { label: 'failed' }),
      ]),
      graph('Refused calls by reason', [metricByReason(metricNames.decisionsRefused, 'authorizer')]),
      graph('Introspections', [
        serviceMetric(metricNames.introspectionsAnswered, 'introspect', { label: 'answered' }),
        serviceMetric(metricNames.introspectionsRefused, 'introspect', { label: 'refused' }),
        serviceMetric(metricNames.introspectionsFailed, 'introspect', { label: 'failed' }),
      ]),
      graph('Administration', [
        serviceMetric(metricNames.administrationAllowed, 'admin', { label: 'allowed' }),
        serviceMetric(metricNames.administrationRefused, 'admin', { label: 'refused' }),
        serviceMetric(metricNames.administrationFailed, 'admin', { label: 'failed' }),
      ]),
    )
    this.addWidgets(
      graph('Requests', [
        api.metricCount({ label: 'requests' }),
        api.metricClientError({ label: '4xx' }),
        api.metricServerError({ label: '5xx' }),
      ]),
      graph('API latency (ms)', [
        api.metricLatency({ statistic: 'p50', label: 'p50' }),
        api.metricLatency({ statistic: 'p99', label: 'p99' }),
      ]),
      graph(
        'Function duration (ms)',
        functions.flatMap(([label, fn]) => [
          functionDuration(fn, label, 'p50'),
          functionDuration(fn, label, 'p99'),
        ]),
      ),
    )
    this.addWidgets(
      graph(
        'Function errors',
        functions.map(([label, fn]) => fn.metricErrors({ label })),
      ),
      graph(
        'Function throttles',
        functions.map(([label, fn]) => fn.metricThrottles({ label })),
      ),
      graph('Store and KMS errors', [
        metricByService(metricNames.storeErrors, 'Sum'),
        metricByService(metricNames.kmsErrors, 'Sum'),
      ]),
    )
    this.addWidgets(
      graph(
        'Table throttles',
        tableList.map(([label, table]) => tableThrottles(table, label)),
      ),
      graph(
        'Table system errors',
        tableList.map(([label, table]) => tableSystemErrors(table, label)),
      ),
      graph(
        'Keys and revocation snapshots',
        [
          metricByService(metricNames.signingKeyAgeDays, 'Maximum'),
          serviceMetric(metricNames.revocationStoreUnreachable, 'authorizer', { label: 'store unreachable' }),
          serviceMetric(metricNames.tooManyRevocations, 'authorizer', { label: 'too many revocations' }),
          serviceMetric(metricNames.signatureSelfCheckFailed, 'token', {
            label: 'signature self-check failed',
          }),
          metricByService(metricNames.signingKeyUnusable, 'Sum'),
          metricByService(metricNames.clockWrong, 'Sum'),
        ],
        [
          serviceMetric(metricNames.revocationSnapshotAgeSeconds, 'authorizer', {
            statistic: 'Maximum',
            label: 'snapshot age (s)',
          }),
        ],
      ),
    )
  }
}

/** Adds a function that not every deployment has to the dashboard of its own stack, and to no other. */
export function addFunctionToDashboard(
  dashboard: Dashboard | undefined,
  title: string,
  fn: LambdaFunction,
): void {
  // A dashboard that names a function of another stack would make the two stacks depend on each other.
  if (dashboard === undefined || Stack.of(dashboard) !== Stack.of(fn)) return
  dashboard.addWidgets(new TextWidget({ markdown: `### ${title}`, width: 24, height: 1 }))
  dashboard.addWidgets(
    graph('Invocations', [fn.metricInvocations({ label: 'invocations' })]),
    graph('Errors and throttles', [
      fn.metricErrors({ label: 'errors' }),
      fn.metricThrottles({ label: 'throttles' }),
    ]),
    graph('Duration (ms)', [
      functionDuration(fn, 'duration', 'p50'),
      functionDuration(fn, 'duration', 'p99'),
    ]),
  )
}

/** Adds the function that keeps the API keys of clients, and how many have none, to the dashboard of its own stack. */
export function addApiKeysToDashboard(dashboard: Dashboard | undefined, keeper: LambdaFunction): void {
  addFunctionToDashboard(dashboard, 'API keys of clients', keeper)
  if (dashboard === undefined || Stack.of(dashboard) !== Stack.of(keeper)) return
  const missing = { statistic: 'Maximum', label: 'clients' }
  dashboard.addWidgets(
    graph('Clients without an API key', [serviceMetric(metricNames.apiKeysMissing, 'api-keys', missing)]),
  )
}
