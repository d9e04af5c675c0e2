import { signRequest } from '../../bin/sigv4.ts'
import type { Logs } from '../flow/local-stack.ts'
import { deployedCredentials, deployedRegion } from './deployment.ts'

interface LogGroups {
  readonly logGroups: readonly { readonly logGroupName: string }[]
}

interface LogEvents {
  readonly events?: readonly { readonly message: string }[]
  readonly nextToken?: string
}

/** What Lambda itself says of an invocation: MiniStack says it as text, whatever a function's log format. */
const platformLine = /^(START|END|REPORT) RequestId: /

/** What the functions of a deployment have printed since a moment, by CloudWatch Logs. */
export async function readFunctionLogs(awsEndpoint: string, sinceEpochMilliseconds: number): Promise<Logs> {
  const { logGroups } = (await request(awsEndpoint, 'DescribeLogGroups', {})) as LogGroups
  return Promise.all(
    logGroups.map(async ({ logGroupName }) => {
      const messages: string[] = []
      let nextToken: string | undefined
      do {
        const page = (await request(awsEndpoint, 'FilterLogEvents', {
          logGroupName,
          startTime: sinceEpochMilliseconds,
          nextToken,
        })) as LogEvents
        messages.push(...(page.events ?? []).map(({ message }) => message))
        nextToken = page.nextToken
      } while (nextToken !== undefined)
      return [logGroupName, messages.filter(line => !platformLine.test(line)).join('\n')] as const
    }),
  )
}

async function request(awsEndpoint: string, operation: string, input: object): Promise<unknown> {
  const url = new URL(awsEndpoint)
  const body = JSON.stringify(input)
  const headers = signRequest(
    {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `Logs_20140328.${operation}`,
      },
      body,
    },
    { credentials: deployedCredentials, region: deployedRegion, service: 'logs', now: new Date() },
  )
  const response = await fetch(url, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(`${operation} answered ${response.status}: ${await response.text()}`)
  return response.json()
}
