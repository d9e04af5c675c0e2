import { findCredentials } from './aws-settings.ts'
import { usageFailure } from './failure.ts'
import { type HttpAnswer, isLoopback, send } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { signRequest } from './sigv4.ts'

/** Signing names, which are the host names too, and what AWS's own tools call the services in their settings. */
const services = { cloudformation: 'CLOUDFORMATION', monitoring: 'CLOUDWATCH', sns: 'SNS' } as const

/**
 * One signed request of AWS's Query protocol. The endpoint settings of AWS's own tools (AWS_ENDPOINT_URL and
 * AWS_ENDPOINT_URL_<SERVICE>) are honoured.
 *
 * @throws CommandFailure `no_credentials`, `server_unreachable`
 */
export async function sendQuery(
  io: CommandLineIo,
  service: keyof typeof services,
  { region, profile }: { region: string; profile: string | undefined },
  parameters: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  const credentials = await findCredentials(io, profile, region)
  const url = endpoint(io, service, region)
  const body = new URLSearchParams(parameters).toString()
  const headers = signRequest(
    { method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body },
    { credentials, region, service, now: io.now() },
  )
  return send(io, url, { method: 'POST', headers, body })
}

function endpoint(io: CommandLineIo, service: keyof typeof services, region: string): URL {
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

/** The text of the first element of that name. */
export function element(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return found?.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity] ?? '')
}
