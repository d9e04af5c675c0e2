import { findCredentials } from './aws-settings.ts'
import { CommandFailure, exitCodes, unreachableFailure, usageFailure } from './failure.ts'
import { isLoopback, send } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { signRequest } from './sigv4.ts'

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
  const credentials = await findCredentials(io, query.profile, query.region)
  const url = endpoint(io, query.region)
  const body = new URLSearchParams({
    Action: 'DescribeStacks',
    StackName: query.stack,
    Version: '2010-05-15',
  }).toString()
  const headers = signRequest(
    { method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body },
    { credentials, region: query.region, service: 'cloudformation', now: io.now() },
  )
  const { status, text } = await send(io, url, { method: 'POST', headers, body })
  if (status !== 200) throw refusal(query, status, text)
  const outputs = new Map<string, string>()
  for (const [, member = ''] of text.matchAll(/<member>((?:(?!<\/?member>)[\s\S])*)<\/member>/g)) {
    const key = element(member, 'OutputKey')
    if (key !== undefined) outputs.set(key, element(member, 'OutputValue') ?? '')
  }
  return outputs
}

function endpoint(io: CommandLineIo, region: string): URL {
  const set = io.env.AWS_ENDPOINT_URL_CLOUDFORMATION || io.env.AWS_ENDPOINT_URL
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const text = set || `https://cloudformation.${region}.${suffix}/`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))) return url
  throw usageFailure(
    `${text} is not an AWS endpoint to send a signed request to`,
    'AWS_ENDPOINT_URL must be https.',
  )
}

function refusal(query: { stack: string; region: string }, status: number, text: string): CommandFailure {
  const code = element(text, 'Code') ?? ''
  const message = element(text, 'Message') ?? `status ${status}`
  if (/does not exist/.test(message))
    return unreachableFailure(
      `no stack "${query.stack}" in ${query.region}`,
      'Deploy it (npx cdk deploy), start a local server (npm start), or name one with --url, --stack or --region.',
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

function element(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return found?.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity] ?? '')
}
