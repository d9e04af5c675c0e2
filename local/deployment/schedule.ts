import { randomUUID } from 'node:crypto'
import type { StackResource } from '../cloud-assembly.ts'
import type { Intrinsics } from '../intrinsics.ts'
import { readProperties } from './properties.ts'

/** A function that is invoked again and again (`AWS::Events::Rule`). */
export interface Schedule {
  readonly ruleArn: string
  readonly functionArns: readonly string[]
  readonly intervalMilliseconds: number
}

/** The milliseconds of `rate(5 minutes)`; undefined when an expression is not of that form. */
export function rateMilliseconds(expression: string): number | undefined {
  const [, count, unit = ''] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? []
  const interval = Number(count) * (units[unit] ?? 0)
  return interval > 0 ? interval : undefined
}

const units: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** @throws where the rule is no schedule of the form `rate(5 minutes)`, or has a target that is more than a function */
export function readSchedule(
  resource: StackResource,
  intrinsics: Intrinsics,
  ruleArn: string,
): Schedule | undefined {
  const properties = readProperties(resource, intrinsics, {
    used: ['ScheduleExpression', 'State', 'Targets'],
    withoutEffect: ['Description', 'Name'],
  })
  properties.expect('State', [undefined, 'ENABLED', 'DISABLED'])
  if (properties.optionalText('State') === 'DISABLED') return undefined
  const interval = rateMilliseconds(properties.text('ScheduleExpression'))
  if (interval === undefined)
    throw properties.error('ScheduleExpression', 'must be of the form rate(5 minutes)')
  const functionArns = properties
    .groups('Targets', { used: ['Arn'], withoutEffect: ['Id', 'RetryPolicy'] })
    .map(target => target.text('Arn'))
  return { ruleArn, functionArns, intervalMilliseconds: interval }
}

/** What EventBridge sends to the target of a schedule. */
export function scheduledEvent(
  ruleArn: string,
  { accountId, region }: { accountId: string; region: string },
  now: Date,
): string {
  return JSON.stringify({
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: accountId,
    time: now.toISOString().replace(/\.\d+/, ''),
    region,
    resources: [ruleArn],
    detail: {},
  })
}
