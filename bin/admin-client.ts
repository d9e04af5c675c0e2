import type { GivenFlags } from './arguments.ts'
import { findCredentials, findRegion, localCredentials } from './aws-settings.ts'
import { CommandFailure, exitCodes, usageFailure } from './failure.ts'
import { type HttpAnswer, send, textMember } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { confirmIssuer } from './metadata.ts'
import { findServer, type Server } from './server.ts'
import { signRequest } from './sigv4.ts'

export interface AdminRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the admin API's base; each segment is encoded. */
  path: readonly string[]
  query?: Readonly<Record<string, string>>
  body?: unknown
}

/** Sends a request to the admin API and resolves to its document, `{}` where the answer has no body. */
export type AdminClient = (request: AdminRequest) => Promise<Record<string, unknown>>

/**
 * Finds the server, makes sure that it is the one that was named, and signs (SigV4, `execute-api`) with
 * the AWS credential chain, or with the fixed local credentials for a server on this machine.
 */
export async function connectAsAdministrator(io: CommandLineIo, given: GivenFlags): Promise<AdminClient> {
  return administratorOf(io, given, await findServer(io, given))
}

/** As connectAsAdministrator, for a server that has been found. */
export async function administratorOf(
  io: CommandLineIo,
  given: GivenFlags,
  server: Server,
): Promise<AdminClient> {
  const profile = given.value('profile')
  const named = given.value('region') ?? server.region
  const region = server.local ? (named ?? 'us-east-1') : findRegion(io, { region: named, profile })
  await confirmIssuer(io, server)
  const credentials = server.local ? localCredentials : await findCredentials(io, profile, region)

  return async ({ method, path, query, body }) => {
    const url = new URL(`${server.admin}/${path.map(encodeURIComponent).join('/')}`)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = signRequest(
      {
        method,
        url,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: text,
      },
      { credentials, region, service: 'execute-api', now: io.now() },
    )
    const answer = await send(io, url, { method, headers, body: body === undefined ? undefined : text })
    if (answer.status < 200 || answer.status > 299) throw refusal(server, answer, path[0] ?? '')
    if (answer.status === 204) return {}
    if (answer.document) return answer.document
    throw unexpectedAnswer(server.issuer)
  }
}

/** A successful answer that the command line cannot read. */
export function unexpectedAnswer(issuer: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: 'unexpected_answer',
    message: `${issuer} gave an answer that is none of the admin API's`,
    remedy: 'Is the server of another version than this command line?',
  })
}

/**
 * An id as a path segment. A segment of dots would be folded away by every URL parser and so name another
 * resource.
 *
 * @throws CommandFailure `invalid_usage`
 */
export function parseId(text: string, what: 'client_id' | 'secret_id'): string {
  if (/^[\w.~-]+$/.test(text) && !/^\.+$/.test(text)) return text
  throw usageFailure(
    `"${text}" is not a ${what}`,
    'Ids are in "countersign clients list" and "clients show".',
  )
}

/** By the error's code: what to do about it. */
interface Remedies extends Readonly<Record<string, string>> {
  readonly not_found: string
  readonly conflict: string
}

const clientRemedies: Remedies = {
  not_found: 'See "countersign clients list"; secret ids are in "countersign clients show <client_id>".',
  conflict: 'See "countersign clients show <client_id>", then try again.',
}

const resourceServerRemedies: Remedies = {
  not_found: 'See "countersign resource-servers list".',
  conflict: 'See "countersign resource-servers show <audience>".',
  in_use:
    'See "countersign clients show <client_id>"; "clients update" with --grant or --resource-server changes it.',
}

const keyRemedies: Remedies = {
  not_found: 'See "countersign keys list".',
  conflict: 'Try again then. For a key that leaked: countersign keys revoke <kid>',
}

const remediesOf: Readonly<Record<string, Remedies>> = {
  'resource-servers': resourceServerRemedies,
  keys: keyRemedies,
}

/** @param collection the first segment of the path */
function refusal(
  server: Server,
  { status, headers, document }: HttpAnswer,
  collection: string,
): CommandFailure {
  const remedies = remediesOf[collection] ?? clientRemedies
  const code = textMember(document, 'error')
  const said = textMember(document, 'error_description') ?? textMember(document, 'message') ?? code
  const because = said === undefined ? `status ${status}` : said
  switch (status) {
    case 401:
    case 403:
      return new CommandFailure(exitCodes.credentialsRefused, {
        code: code ?? 'access_denied',
        message: `${server.issuer} refused the ${server.local ? 'local' : 'AWS'} credentials: ${because}`,
        remedy: server.local
          ? 'Is another server listening there, or one started for another --region?'
          : 'Choose others with --profile; they need execute-api:Invoke on the admin routes and the right --region.',
        status,
      })
    case 404:
      return new CommandFailure(exitCodes.notFound, {
        code: code ?? 'not_found',
        message: `not found: ${because}`,
        remedy: remedies.not_found,
        status,
      })
    case 409:
      return new CommandFailure(exitCodes.failed, {
        code: code ?? 'conflict',
        message: because,
        remedy: Object.entries(remedies).find(([known]) => known === code)?.[1] ?? remedies.conflict,
        status,
      })
    default:
      return new CommandFailure(exitCodes.failed, {
        code: code ?? 'server_error',
        message: `${status >= 500 || status === 429 ? `${server.issuer} cannot do it now` : 'refused'}: ${because}`,
        remedy:
          status >= 500 || status === 429
            ? `Try again${/^\d+$/.test(headers.get('retry-after') ?? '') ? ` in ${headers.get('retry-after')} s` : ''}.`
            : because.includes('is not registered')
              ? '"countersign resource-servers list" shows what is registered; "create" and "update" add to it.'
              : 'Correct it and try again.',
        status,
      })
  }
}
