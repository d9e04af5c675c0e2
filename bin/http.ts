import { CommandFailure, exitCodes, unreachableFailure } from './failure.ts'
import type { CommandLineIo } from './io.ts'
import { printable } from './output.ts'

export interface HttpRequest {
  method: string
  headers: Readonly<Record<string, string>>
  body?: string | undefined
}

export interface HttpAnswer {
  status: number
  headers: Headers
  text: string
  /** The body when it is a JSON object, else undefined. */
  document: Record<string, unknown> | undefined
}

const noticeAfterMilliseconds = 2000
const deadlineMilliseconds = 30_000

/** More than Lambda or CloudFormation answer; less than fills a machine's memory. */
const mostOctets = 8 * 1024 * 1024

/**
 * One request, no redirects: what is sent carries a signature or a secret. Says on stderr what it waits
 * for after 2 s and gives up after 30 s, and at an answer of more than 8 MiB.
 *
 * @throws CommandFailure `server_unreachable` (exit code 4), `unexpected_answer`
 */
export async function send(io: CommandLineIo, url: URL, request: HttpRequest): Promise<HttpAnswer> {
  const { status, headers, text, isWhole } = await withNotice(io, url.host, async () => {
    try {
      const response = await io.fetch(url, {
        method: request.method,
        headers: request.headers,
        redirect: 'manual',
        signal: AbortSignal.timeout(deadlineMilliseconds),
        ...(request.body === undefined ? {} : { body: request.body }),
      })
      return { status: response.status, headers: response.headers, ...(await readText(response, mostOctets)) }
    } catch (cause) {
      throw unreachable(url, request.method, cause)
    }
  })
  if (status >= 300 && status < 400)
    throw new CommandFailure(exitCodes.failed, {
      code: 'unexpected_redirect',
      message: `${url.host} redirects elsewhere (${status}), which a signed request must not follow`,
      remedy: 'Name the server by its issuer, as its metadata spells it.',
    })
  if (!isWhole)
    throw new CommandFailure(exitCodes.failed, {
      code: 'unexpected_answer',
      message: `${url.host} answers with more than ${mostOctets} octets`,
      remedy: 'Check the address: no server of this kind has so much to say.',
    })
  return { status, headers, text, document: jsonObject(text) }
}

/** Reads a body up to so many octets, and asks for no more of it. */
export async function readText(
  { body }: Response,
  octets: number,
): Promise<{ text: string; isWhole: boolean }> {
  const chunks: Uint8Array[] = []
  let read = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    read += chunk.length
    if (read > octets) break
  }
  const whole = Buffer.concat(chunks)
  return { text: new TextDecoder().decode(whole.subarray(0, octets)), isWhole: read <= octets }
}

/** Resolves as the work does, with a line on stderr when it takes more than two seconds. */
export async function withNotice<T>(io: CommandLineIo, whom: string, work: () => Promise<T>): Promise<T> {
  const notice = setTimeout(
    () => io.stderr.write(`waiting for ${printable(whom)} …\n`),
    noticeAfterMilliseconds,
  )
  try {
    return await work()
  } finally {
    clearTimeout(notice)
  }
}

function unreachable(url: URL, method: string, cause: unknown): CommandFailure {
  const read = method === 'GET'
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return unreachableFailure(
      `${url.host} did not answer within ${deadlineMilliseconds / 1000} s`,
      read ? 'Try again.' : 'It may have been done all the same: look before trying again.',
      { cause },
    )
  return unreachableFailure(
    `${url.host} cannot be reached: ${networkReason(cause)}`,
    isLoopback(url)
      ? 'Start the local server with "npx countersign local", or name another with --url.'
      : 'Check the address and the network.',
    { cause },
  )
}

// fetch says "fetch failed" and keeps what happened in its cause.
function networkReason(error: unknown): string {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset',
    ENOTFOUND: 'no such host',
    EAI_AGAIN: 'its name cannot be resolved now',
    UND_ERR_SOCKET: 'connection closed',
    CERT_HAS_EXPIRED: 'its certificate has expired',
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return (
    reasons[code] ?? (cause instanceof Error && cause.message ? cause.message : code || 'no reason given')
  )
}

/** This machine, by an address or name that no resolver can point elsewhere. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** A member of a document when it is text, else undefined. */
export function textMember(document: Record<string, unknown> | undefined, name: string): string | undefined {
  const value = document?.[name]
  return typeof value === 'string' ? value : undefined
}
