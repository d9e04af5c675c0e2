import { type ClientCredentials, refusalOf, sendAsClient } from './client-authentication.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import type { CommandLineIo } from './io.ts'
import type { ServerMetadata } from './metadata.ts'
import { type Cell, keyValues, type Style } from './output.ts'
import { describeMember } from './token-report.ts'

export interface IntrospectionRequest {
  introspectionEndpoint: ServerMetadata['introspectionEndpoint']
  issuer: string
  credentials: ClientCredentials
  token: string
}

/** RFC 7662 §2.2. */
export type IntrospectionResponse = { active: boolean } & Record<string, unknown>

/**
 * Introspects a token (RFC 7662 §2.1).
 *
 * @throws CommandFailure with the server's error code; `invalid_client` has exit code 5
 */
export async function introspect(
  io: CommandLineIo,
  { introspectionEndpoint, issuer, credentials, token }: IntrospectionRequest,
): Promise<IntrospectionResponse> {
  if (introspectionEndpoint === undefined)
    throw new CommandFailure(exitCodes.failed, {
      code: 'unsupported',
      message: `${issuer} has no introspection endpoint`,
      remedy: 'Deploy a version that has one, or see "countersign tokens inspect".',
    })
  const request = { endpoint: introspectionEndpoint, issuer, parameters: { token } }
  const answer = await sendAsClient(io, credentials, request)
  if (answer.status !== 200) throw refusalOf(credentials, answer, { what: 'did not introspect the token' })
  const { document } = answer
  if (typeof document?.active === 'boolean') return document as IntrospectionResponse
  throw new CommandFailure(exitCodes.failed, {
    code: 'unexpected_answer',
    message: 'the introspection endpoint answered without "active"',
    remedy: 'Check --url: is it a Countersign server?',
  })
}

export function describeIntrospection(style: Style, { active, ...members }: IntrospectionResponse): string {
  const state: Cell = active
    ? { lines: ['yes'], look: 'good' }
    : {
        lines: ['no: expired, revoked, none of this server, or none of the business of this client'],
        look: 'bad',
      }
  return keyValues(style, [
    ['active', state],
    ...Object.entries(members).map(([name, value]): [string, Cell] => [name, describeMember(name, value)]),
  ])
}
