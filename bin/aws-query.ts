import { postToAws } from './aws-request.ts'
import type { HttpAnswer } from './http.ts'
import type { CommandLineIo } from './io.ts'

/**
 * One signed request of AWS's Query protocol.
 *
 * @throws CommandFailure `no_credentials`, `server_unreachable`
 */
export function sendQuery(
  io: CommandLineIo,
  service: 'cloudformation' | 'monitoring' | 'sns',
  where: { region: string; profile: string | undefined },
  parameters: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return postToAws(io, service, where, { headers, body: new URLSearchParams(parameters).toString() })
}

/** The text of the first element of that name. */
export function element(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return found?.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity] ?? '')
}
