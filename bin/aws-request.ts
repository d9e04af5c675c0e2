import { type AwsCredentials, findCredentials } from './aws-settings.ts'
import { usageFailure } from './failure.ts'
import { type HttpAnswer, isLoopback, send } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { signRequest } from './sigv4.ts'

/** Signing names, which are the host names too, and what AWS's own tools call the services in their settings. */
const services = {
  cloudformation: 'CLOUDFORMATION',
  monitoring: 'CLOUDWATCH',
  secretsmanager: 'SECRETS_MANAGER',
  sns: 'SNS',
} as const

export type AwsService = keyof typeof services

export interface AwsRequest {
  headers: Readonly<Record<string, string>>
  body: string
}

/**
 * One signed request to a service of AWS. The endpoint settings of AWS's own tools (AWS_ENDPOINT_URL and
 * AWS_ENDPOINT_URL_<SERVICE>) are honoured.
 *
 * @throws CommandFailure `no_credentials`, `server_unreachable`
 */
export async function postToAws(
  io: CommandLineIo,
  service: AwsService,
  { region, profile }: { region: string; profile: string | undefined },
  request: AwsRequest,
): Promise<HttpAnswer> {
  const credentials = await findCredentials(io, profile, region)
  return postSigned(io, endpoint(io, service, region), { credentials, region, service }, request)
}

/** As `postToAws`, to an endpoint that is known. */
export function postSigned(
  io: CommandLineIo,
  url: URL,
  scope: { credentials: AwsCredentials; region: string; service: AwsService },
  { headers, body }: AwsRequest,
): Promise<HttpAnswer> {
  const signed = signRequest({ method: 'POST', url, headers, body }, { ...scope, now: io.now() })
  return send(io, url, { method: 'POST', headers: signed, body })
}

function endpoint(io: CommandLineIo, service: AwsService, region: string): URL {
  const set = io.env[`AWS_ENDPOINT_URL_${services[service]}`] || io.env.AWS_ENDPOINT_URL
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const text = set || `https://${service}.${region}.${suffix}/`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))) return url
  throw usageFailure(
    `${text} is not an AWS endpoint to send a signed request to`,
    'AWS_ENDPOINT_URL must be https.',
  )
}
