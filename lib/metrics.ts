import { Duration, Names } from 'aws-cdk-lib'
import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch'
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs'
import { type MetricName, metricNamespace } from '../lambda/oauth/metric-names.ts'
import type { Service } from './functions.ts'

const fiveMinutes = Duration.minutes(5)

/** A metric that one service publishes about itself: the sum over five minutes, unless `options` say otherwise. */
export function serviceMetric(name: MetricName, service: Service, options: MetricOptions = {}): Metric {
  return new Metric({
    namespace: metricNamespace,
    metricName: name,
    dimensionsMap: { service },
    statistic: 'Sum',
    period: fiveMinutes,
    ...options,
  })
}

/** A service's metric with one line a reason; reasons that have not happened yet appear when they do. */
export function metricByReason(name: MetricName, service: Service): MathExpression {
  return new MathExpression({
    expression: `SEARCH('{${metricNamespace},service,reason} MetricName="${name}" service="${service}"', 'Sum', 300)`,
    label: '',
    period: fiveMinutes,
  })
}

/** A metric with one line for each service that publishes it. */
export function metricByService(name: MetricName, statistic: string): MathExpression {
  return new MathExpression({
    expression: `SEARCH('{${metricNamespace},service} MetricName="${name}"', '${statistic}', 300)`,
    label: '',
    period: fiveMinutes,
  })
}

/** A metric that every service publishes about itself and, without a dimension, for all of them together. */
export function metricOverServices(name: MetricName): Metric {
  return new Metric({ namespace: metricNamespace, metricName: name, statistic: 'Sum', period: fiveMinutes })
}

export function functionDuration(fn: IFunction, label: string, statistic: 'p50' | 'p99'): Metric {
  return fn.metricDuration({ statistic, label: `${label} ${statistic}`, period: fiveMinutes })
}

/** Requests that a table turned away for load, reads and writes together. */
export function tableThrottles(table: TableV2, label: string): MathExpression {
  return new MathExpression({
    // One graph shows several tables, and its metric ids must differ.
    expression: `FILL(reads${label},0)+FILL(writes${label},0)`,
    usingMetrics: {
      [`reads${label}`]: table.metric('ReadThrottleEvents', { statistic: 'Sum', period: fiveMinutes }),
      [`writes${label}`]: table.metric('WriteThrottleEvents', { statistic: 'Sum', period: fiveMinutes }),
    },
    label,
    period: fiveMinutes,
  })
}

const operations = ['GetItem', 'BatchGetItem', 'Query', 'Scan', 'PutItem', 'UpdateItem', 'DeleteItem']

/** Requests that a table failed with an error of its own, all operations together. */
export function tableSystemErrors(table: TableV2, label: string): MathExpression {
  const counts = operations.map(operation => [
    `errors${label}${operation}`,
    table.metric('SystemErrors', {
      dimensionsMap: { TableName: table.tableName, Operation: operation },
      statistic: 'Sum',
      period: fiveMinutes,
    }),
  ])
  return new MathExpression({
    expression: counts.map(([id]) => `FILL(${id},0)`).join('+'),
    usingMetrics: Object.fromEntries(counts),
    label,
    period: fiveMinutes,
  })
}

/**
 * Errors of a REST API's authorizer but for those that are its way to answer 401 (anybody can cause these): counted in
 * its log, since API Gateway knows the answer by the error's text alone.
 */
export function crashesOf(authorizer: LambdaFunction): MathExpression {
  const refused = FilterPattern.all(
    FilterPattern.stringValue('$.audit', '=', 'api.authorize'),
    FilterPattern.stringValue('$.outcome', '=', 'refused'),
    ...['scope_insufficient', 'route_unknown', 'event_unsupported'].map(reason =>
      FilterPattern.stringValue('$.reason', '!=', reason),
    ),
  )
  const unauthorized = new MetricFilter(authorizer, 'Unauthorized', {
    logGroup: authorizer.logGroup,
    filterPattern: refused,
    metricNamespace,
    metricName: `Unauthorized${Names.uniqueId(authorizer)}`,
    defaultValue: 0,
  }).metric({ statistic: 'Sum', period: fiveMinutes })
  return new MathExpression({
    expression: 'errors - FILL(unauthorized, 0)',
    usingMetrics: { errors: authorizer.metricErrors({ period: fiveMinutes }), unauthorized },
    period: fiveMinutes,
    label: 'crashes',
  })
}
