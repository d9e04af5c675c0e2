import { Stack } from 'aws-cdk-lib'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { describe, expect, it } from 'vitest'
import { metricNames } from '../../lambda/oauth/metric-names.ts'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { arn, newApp, Synthesis } from './synthesis.ts'

const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign'))
const topic = synthesis.ref('AuthorizationServer/AlarmTopic')
const alarms = synthesis.ofType('AWS::CloudWatch::Alarm')
const alarm = (id: string) => synthesis.at(`AuthorizationServer/Alarms/${id}`).Properties

describe('alarms', () => {
  it('are on what needs a person', () => {
    expect([...alarms.keys()].map(path => path.replace('AuthorizationServer/Alarms/', '')).sort()).toEqual([
      'AdminErrors',
      'AdminThrottles',
      'ClientsReadsThrottled',
      'ClientsWritesThrottled',
      'ClockWrong',
      'DecisionsFailed',
      'IntrospectErrors',
      'IntrospectThrottles',
      'KeeperErrors',
      'KeeperSilent',
      'KmsErrors',
      'MetadataErrors',
      'MetadataThrottles',
      'Orders/Api/CountersignAuthorizer/ErrorsAlarm',
      'Orders/Api/CountersignAuthorizer/ThrottlesAlarm',
      'Payments/Api/CountersignAuthorizer/ErrorsAlarm',
      'Payments/Api/CountersignAuthorizer/ThrottlesAlarm',
      'ResourceServersReadsThrottled',
      'ResourceServersWritesThrottled',
      'RevocationStoreUnreachable',
      'RevocationsReadsThrottled',
      'RevocationsWritesThrottled',
      'RevokeErrors',
      'RevokeThrottles',
      'ServerErrors',
      'SignatureSelfCheckFailed',
      'SigningKeyUnusable',
      'SigningKeysReadsThrottled',
      'SigningKeysWritesThrottled',
      'SingleUseReadsThrottled',
      'SingleUseWritesThrottled',
      'StoreErrors',
      'TokenErrors',
      'TokenThrottles',
      'TokensRefused',
      'TooManyRevocations',
    ])
  })

  // The keeper alone is due at known times.
  const ofEvents = [...alarms].filter(([path]) => !path.endsWith('/KeeperSilent'))
  it.each(ofEvents)(
    '%s tells the topic, says what to do, and takes silence for health',
    (_path, { Properties }) => {
      expect(Properties).toMatchObject({
        AlarmActions: [topic],
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'notBreaching',
      })
      expect(Properties.AlarmDescription).toMatch(/^[\x20-\x7e]{60,1024}$/)
    },
  )

  it('KeeperSilent goes off when the keeper has not run for half an hour, for whatever reason', () => {
    const { DependsOn, Properties } = synthesis.at('AuthorizationServer/Alarms/KeeperSilent')
    expect(Properties).toMatchObject({
      AlarmActions: [topic],
      Namespace: 'AWS/Lambda',
      MetricName: 'Invocations',
      Dimensions: [{ Name: 'FunctionName', Value: synthesis.ref('AuthorizationServer/Keeper') }],
      Statistic: 'Sum',
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      Period: 600,
      EvaluationPeriods: 3,
      TreatMissingData: 'breaching',
    })
    expect(Properties.AlarmDescription).toMatch(/^[\x20-\x7e]{60,1024}$/)
    // Not before the keeper's first run, or every first deployment would begin with an alarm.
    expect(DependsOn).toContain(synthesis.at('AuthorizationServer/SigningKeyRing').logicalId)
  })

  it.each([
    ['SignatureSelfCheckFailed', metricNames.signatureSelfCheckFailed, 'token', 1, 300],
    ['RevocationStoreUnreachable', metricNames.revocationStoreUnreachable, 'authorizer', 1, 60],
    ['TooManyRevocations', metricNames.tooManyRevocations, 'authorizer', 1, 300],
    ['DecisionsFailed', metricNames.decisionsFailed, 'authorizer', 5, 300],
    ['TokensRefused', metricNames.tokensRefused, 'token', 300, 300],
  ])('%s counts %s of the %s service', (id, MetricName, service, Threshold, Period) => {
    expect(alarm(id)).toMatchObject({
      Namespace: 'Countersign',
      MetricName,
      Dimensions: [{ Name: 'service', Value: service }],
      Statistic: 'Sum',
      Threshold,
      Period,
      EvaluationPeriods: 1,
      DatapointsToAlarm: 1,
    })
  })

  it.each([
    ['KmsErrors', metricNames.kmsErrors, 3],
    ['StoreErrors', metricNames.storeErrors, 5],
  ])('%s counts %s of all services together', (id, MetricName, Threshold) => {
    expect(alarm(id)).toMatchObject({ Namespace: 'Countersign', MetricName, Statistic: 'Sum', Threshold })
    expect(alarm(id).Dimensions).toBeUndefined()
  })

  it.each(['Clients', 'Revocations', 'SigningKeys', 'SingleUse'])(
    'sees requests that %s turned away',
    name => {
      for (const kind of ['Read', 'Write']) {
        expect(alarm(`${name}${kind}sThrottled`)).toMatchObject({
          Namespace: 'AWS/DynamoDB',
          MetricName: `${kind}ThrottleEvents`,
          Dimensions: [{ Name: 'TableName', Value: synthesis.ref(`AuthorizationServer/${name}`) }],
        })
      }
    },
  )

  it.each(['Orders', 'Payments'])('watches the authorizer of %s', name => {
    const path = `${name}/Api/CountersignAuthorizer`
    for (const [id, MetricName] of [
      ['ErrorsAlarm', 'Errors'],
      ['ThrottlesAlarm', 'Throttles'],
    ]) {
      expect(synthesis.at(`${path}/${id}`).Properties).toMatchObject({
        Namespace: 'AWS/Lambda',
        MetricName,
        Dimensions: [{ Name: 'FunctionName', Value: synthesis.ref(`${path}/Function`) }],
      })
    }
  })

  it('may be published by the alarms of this account alone, over TLS alone', () => {
    const [policy] = [...synthesis.ofType('AWS::SNS::TopicPolicy').values()]
    expect(policy?.Properties).toEqual({
      Topics: [topic],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'AllowPublishThroughSSLOnly',
            Effect: 'Deny',
            Principal: '*',
            Action: 'sns:Publish',
            Resource: topic,
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
          {
            Sid: 'AllowAlarmsOfThisAccount',
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Resource: topic,
            Condition: {
              StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
              ArnLike: { 'aws:SourceArn': arn('cloudwatch', 'alarm:*') },
            },
          },
        ],
      },
    })
  })

  it('go to the topic of the owner where there is one', () => {
    const stack = new Stack(newApp(), 'Trial')
    const alarmTopic = Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:us-east-1:111111111111:people')
    const server = new AuthorizationServer(stack, 'Server', { alarmTopic })
    const trial = new Synthesis(stack)
    expect(server.alarmTopic).toBe(alarmTopic)
    trial.template.resourceCountIs('AWS::SNS::Topic', 0)
    for (const { Properties } of trial.ofType('AWS::CloudWatch::Alarm').values()) {
      expect(Properties.AlarmActions).toEqual(['arn:aws:sns:us-east-1:111111111111:people'])
    }
  })
})
