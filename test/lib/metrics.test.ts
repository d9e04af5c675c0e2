import { Duration, Stack } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { newApp } from './synthesis.ts'

const server = new AuthorizationServer(new Stack(newApp(), 'Countersign'), 'AuthorizationServer')

describe('the metrics of a server', () => {
  it.each([
    ['metricTokensIssued', 'TokensIssued', 'token'],
    ['metricTokensRefused', 'TokensRefused', 'token'],
    ['metricTokensFailed', 'TokensFailed', 'token'],
    ['metricRevocationsAccepted', 'RevocationsAccepted', 'revoke'],
    ['metricDecisionsAllowed', 'DecisionsAllowed', 'authorizer'],
    ['metricDecisionsRefused', 'DecisionsRefused', 'authorizer'],
    ['metricDecisionsFailed', 'DecisionsFailed', 'authorizer'],
  ] as const)('%s is the sum of %s of the service %s over five minutes', (method, metricName, service) => {
    expect(server[method]().toMetricConfig().metricStat).toMatchObject({
      namespace: 'Countersign',
      metricName,
      dimensions: [{ name: 'service', value: service }],
      statistic: 'Sum',
      period: Duration.minutes(5),
    })
  })

  it('take the options of CloudWatch metrics', () => {
    const metric = server.metricTokensIssued({ period: Duration.minutes(1), label: 'tokens' })
    expect(metric).toMatchObject({ period: Duration.minutes(1), label: 'tokens', statistic: 'Sum' })
  })
})
