import { element, sendQuery } from './aws-query.ts'
import { CommandFailure, exitCodes, unreachableFailure } from './failure.ts'
import type { CommandLineIo } from './io.ts'

/**
 * A CloudFormation stack's outputs, by one signed DescribeStacks request of the Query protocol. The
 * endpoint settings of AWS's own tools (AWS_ENDPOINT_URL_CLOUDFORMATION, AWS_ENDPOINT_URL) are honoured.
 *
 * @throws CommandFailure `server_unreachable` when there is no such stack; `access_denied` (exit code 5)
 */
export async function readStackOutputs(
  io: CommandLineIo,
  query: { stack: string; region: string; profile: string | undefined },
): Promise<ReadonlyMap<string, string>> {
  const { status, text } = await sendQuery(io, 'cloudformation', query, {
    Action: 'DescribeStacks',
    StackName: query.stack,
    Version: '2010-05-15',
  })
  if (status !== 200) throw refusal(query, status, text)
  const outputs = new Map<string, string>()
  for (const [, member = ''] of text.matchAll(/<member>((?:(?!<\/?member>)[\s\S])*)<\/member>/g)) {
    const key = element(member, 'OutputKey')
    if (key !== undefined) outputs.set(key, element(member, 'OutputValue') ?? '')
  }
  return outputs
}

function refusal(query: { stack: string; region: string }, status: number, text: string): CommandFailure {
  const code = element(text, 'Code') ?? ''
  const message = element(text, 'Message') ?? `status ${status}`
  if (/does not exist/.test(message))
    return unreachableFailure(
      `no stack "${query.stack}" in ${query.region}`,
      'Deploy it (npx cdk deploy), start a local server (npx countersign local), or name one with --url, --stack or --region.',
    )
  if (status === 401 || status === 403 || /Token|Denied|Signature|Credential/.test(code))
    return new CommandFailure(exitCodes.credentialsRefused, {
      code: 'access_denied',
      message: `CloudFormation refused the AWS credentials: ${message}`,
      remedy: 'Choose others with --profile, or name the server with --url, which needs no stack.',
    })
  return new CommandFailure(exitCodes.failed, {
    code: 'stack_unreadable',
    message: `CloudFormation did not describe stack "${query.stack}": ${message}`,
    remedy: 'Try again, or name the server with --url.',
  })
}
