import { describe, expect, it } from 'vitest'
import { readEventSourceMapping } from '../../../local/deployment/event-source-mapping.ts'
import { readUsagePlan } from '../../../local/deployment/usage-plan.ts'
import { Intrinsics } from '../../../local/intrinsics.ts'
import { accountId, region, resource } from '../gateway/http-api.ts'

const intrinsics = new Intrinsics({ accountId, region, stackName: 'Test' })
const streamArn = `arn:aws:dynamodb:${region}:${accountId}:table/Clients/stream/local`

const plan = (properties: Record<string, unknown>) =>
  readUsagePlan(resource('AWS::ApiGateway::UsagePlan', 'Plan', properties), intrinsics, 'id1')
const mapping = (properties: Record<string, unknown>) =>
  readEventSourceMapping(
    resource('AWS::Lambda::EventSourceMapping', 'Mapping', {
      EventSourceArn: streamArn,
      FunctionName: 'keeper',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      StartingPosition: 'TRIM_HORIZON',
      ...properties,
    }),
    intrinsics,
  )

describe('a usage plan of a template', () => {
  it('has its name, stages and limits', () => {
    expect(
      plan({
        UsagePlanName: 'Orders',
        Description: 'any',
        ApiStages: [{ ApiId: 'api1', Stage: 'prod', Throttle: {} }],
        Throttle: { RateLimit: 0.5, BurstLimit: '20' },
        Quota: { Limit: 1000, Period: 'WEEK' },
      }),
    ).toEqual({
      id: 'id1',
      name: 'Orders',
      stages: [{ apiId: 'api1', stage: 'prod' }],
      throttle: { rateLimit: 0.5, burstLimit: 20 },
      quota: { limit: 1000, offset: 0, period: 'WEEK' },
    })
    expect(plan({})).toEqual({ id: 'id1', name: 'id1', stages: [], throttle: undefined, quota: undefined })
  })

  it.each([
    [
      'a method of its own',
      { ApiStages: [{ ApiId: 'a', Stage: 's', Throttle: { '/a/GET': {} } }] },
      'Throttle',
    ],
    ['half of a throttle', { Throttle: { RateLimit: 1 } }, 'must have both a rate and a burst'],
    ['another period', { Quota: { Limit: 1, Period: 'YEAR' } }, 'the property Period has the value "YEAR"'],
    ['another property', { Enabled: true }, 'does not know the property Enabled'],
  ])('is refused with %s', (_, properties, problem) => {
    expect(() => plan(properties)).toThrow(problem)
  })
})

describe('an event source mapping of a template', () => {
  it('says which table a function hears of, how many changes at a time, and how often they are tried', () => {
    expect(mapping({ BatchSize: 25, MaximumRetryAttempts: 3, BisectBatchOnFunctionError: true })).toEqual({
      functionNameOrArn: 'keeper',
      streamArn,
      tableName: 'Clients',
      batchSize: 25,
      attempts: 4,
    })
  })

  it.each([
    ['a queue', { EventSourceArn: 'arn:aws:sqs:us-east-1:1:queue' }, 'is no stream of a DynamoDB table'],
    [
      'changes from now on',
      { StartingPosition: 'LATEST' },
      'the property StartingPosition has the value "LATEST"',
    ],
    ['whole batches that fail', { FunctionResponseTypes: [] }, 'must be ReportBatchItemFailures'],
    ['one that is off', { Enabled: false }, 'the property Enabled has the value false'],
    ['a filter', { FilterCriteria: {} }, 'does not know the property FilterCriteria'],
  ])('is refused for %s', (_, properties, problem) => {
    expect(() => mapping(properties)).toThrow(problem)
  })
})
