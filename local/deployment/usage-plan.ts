import type { Quota, UsagePlan } from '../api-gateway/usage-plans.ts'
import type { StackResource } from '../cloud-assembly.ts'
import type { Intrinsics } from '../intrinsics.ts'
import { readProperties } from './properties.ts'

/** @throws where an `AWS::ApiGateway::UsagePlan` has a property that the local run does not know */
export function readUsagePlan(resource: StackResource, intrinsics: Intrinsics, id: string): UsagePlan {
  const reader = readProperties(resource, intrinsics, {
    used: ['ApiStages', 'Quota', 'Throttle', 'UsagePlanName'],
    withoutEffect: ['Description', 'Tags'],
  })
  const stages = reader.groups('ApiStages', { used: ['ApiId', 'Stage', 'Throttle'] })
  for (const stage of stages)
    if (stage.entries('Throttle').length > 0) throw stage.error('Throttle', 'is for a method of its own')
  const throttle = reader.group('Throttle', { used: ['BurstLimit', 'RateLimit'] })
  const rateLimit = throttle?.optionalNumber('RateLimit')
  const burstLimit = throttle?.optionalNumber('BurstLimit')
  if ((rateLimit === undefined) !== (burstLimit === undefined))
    throw reader.error('Throttle', 'must have both a rate and a burst')
  const quota = reader.group('Quota', { used: ['Limit', 'Offset', 'Period'] })
  quota?.expect('Period', ['DAY', 'WEEK', 'MONTH'])
  return {
    id,
    name: reader.optionalText('UsagePlanName') ?? id,
    throttle: rateLimit === undefined || burstLimit === undefined ? undefined : { rateLimit, burstLimit },
    quota: quota && {
      limit: quota.optionalNumber('Limit') ?? 0,
      offset: quota.optionalNumber('Offset') ?? 0,
      period: quota.text('Period') as Quota['period'],
    },
    stages: stages.map(stage => ({ apiId: stage.text('ApiId'), stage: stage.text('Stage') })),
  }
}
