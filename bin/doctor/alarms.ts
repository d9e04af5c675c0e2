import type { GivenFlags } from '../arguments.ts'
import { element, sendQuery } from '../aws-query.ts'
import { findRegion } from '../aws-settings.ts'
import { CommandFailure } from '../failure.ts'
import type { CommandLineIo } from '../io.ts'
import type { Server } from '../server.ts'
import { readStackOutputs } from '../stack-outputs.ts'
import { type Finding, fail, notChecked, ok, warn } from './finding.ts'

/** Whether somebody hears of an alarm, and whether one is going off now: from the account, by the stack's alarm topic. */
export async function checkAlarms(io: CommandLineIo, given: GivenFlags, server: Server): Promise<Finding[]> {
  if (server.local) return [notChecked('alarms', 'a local server has none')]
  try {
    const profile = given.value('profile')
    const region = findRegion(io, { region: given.value('region') ?? server.region, profile })
    const stack = given.value('stack') ?? 'Countersign'
    const outputs = await readStackOutputs(io, { stack, region, profile })
    const topic = outputs.get('AlarmTopicArn')
    if (outputs.get('Issuer') !== server.issuer || topic === undefined)
      return [
        notChecked(
          'alarms',
          `the stack "${stack}" is not this server's`,
          'Name its stack with --stack; it has the output AlarmTopicArn.',
        ),
      ]
    const where = { region: topic.split(':')[3] || region, profile }
    return [await checkTarget(io, where, topic), await checkState(io, where, topic)]
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return [notChecked('alarms', error.message, error.remedy)]
  }
}

interface Where {
  region: string
  profile: string | undefined
}

async function checkTarget(io: CommandLineIo, where: Where, TopicArn: string): Promise<Finding> {
  const check = 'alarms.target'
  const { status, text } = await sendQuery(io, 'sns', where, {
    Action: 'GetTopicAttributes',
    TopicArn,
    Version: '2010-03-31',
  })
  if (status !== 200) return refused(check, 'sns:GetTopicAttributes', status, text)
  const count = (name: string) =>
    Number(new RegExp(`<key>${name}</key>\\s*<value>(\\d+)</value>`).exec(text)?.[1] ?? Number.NaN)
  const confirmed = count('SubscriptionsConfirmed')
  const pending = count('SubscriptionsPending')
  if (confirmed > 0)
    return ok(
      check,
      `${confirmed} confirmed ${confirmed === 1 ? 'subscription' : 'subscriptions'} of the alarm topic`,
    )
  return warn(
    check,
    `nobody hears an alarm: the topic has no confirmed subscription${pending > 0 ? `, ${pending} pending` : ''}`,
    `aws sns subscribe --topic-arn ${TopicArn} --protocol email --notification-endpoint <address>, and confirm it`,
  )
}

async function checkState(io: CommandLineIo, where: Where, topic: string): Promise<Finding> {
  const check = 'alarms.state'
  const alarms = async (StateValue: Record<string, string>) => {
    const parameters = {
      Action: 'DescribeAlarms',
      ActionPrefix: topic,
      MaxRecords: '100',
      Version: '2010-08-01',
    }
    return sendQuery(io, 'monitoring', where, { ...parameters, ...StateValue })
  }
  const all = await alarms({})
  if (all.status !== 200) return refused(check, 'cloudwatch:DescribeAlarms', all.status, all.text)
  const count = namesIn(all.text).length
  if (count === 0) return fail(check, 'no alarm goes to the topic', 'Deploy again.')
  const ringing = namesIn((await alarms({ StateValue: 'ALARM' })).text)
  return ringing.length === 0
    ? ok(check, `${count} alarms, none going off`)
    : warn(check, `going off: ${ringing.join(', ')}`, 'The description of each alarm says what to do.')
}

function namesIn(xml: string): string[] {
  return [...xml.matchAll(/<AlarmName>([^<]*)<\/AlarmName>/g)].map(([, name = '']) => name)
}

function refused(check: string, permission: string, status: number, text: string): Finding {
  const found = `AWS answered ${status}: ${element(text, 'Message') ?? 'no reason given'}`
  return notChecked(check, found, `The credentials need ${permission}.`)
}
