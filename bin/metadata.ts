import { CommandFailure, exitCodes, unreachableFailure } from './failure.ts'
import { send, textMember } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { printable, shellWord } from './output.ts'
import type { Server } from './server.ts'

export interface ServerMetadata {
  tokenEndpoint: URL
  jwksUri: URL
  /** RFC 7662; undefined for a server without. */
  introspectionEndpoint: URL | undefined
}

/**
 * Authorization server metadata (RFC 8414 §3), with the `issuer` compared (§3.3) and every endpoint
 * required to be of the issuer's origin: a client secret goes to one of them.
 *
 * @throws CommandFailure `issuer_mismatch`, `server_unreachable`, or `temporarily_unavailable`
 */
export async function readMetadata(io: CommandLineIo, server: Server): Promise<ServerMetadata> {
  const { status, document, headers } = await send(io, metadataUrl(server.issuer), {
    method: 'GET',
    headers: { accept: 'application/json' },
  })
  if (status >= 500 || status === 429)
    throw new CommandFailure(exitCodes.failed, {
      code: 'temporarily_unavailable',
      message: `${server.issuer} cannot serve its metadata now (status ${status})`,
      remedy: `Try again${headers.has('retry-after') ? ` in ${printable(headers.get('retry-after') ?? '')} s` : ''}.`,
    })
  const issuer = textMember(document, 'issuer')
  if (status !== 200 || issuer === undefined)
    throw unreachableFailure(
      `${server.issuer} is not an authorization server: it serves no metadata (status ${status})`,
      'Check --url; the issuer is the output "Issuer" of the stack.',
    )
  if (issuer !== server.issuer)
    throw unreachableFailure(
      `the server at ${server.issuer} is the issuer ${issuer}`,
      `If that is the one you mean: --url ${shellWord(issuer)}`,
    )
  return {
    tokenEndpoint: endpointOf(server, document, 'token_endpoint'),
    jwksUri: endpointOf(server, document, 'jwks_uri'),
    introspectionEndpoint:
      document?.introspection_endpoint === undefined
        ? undefined
        : endpointOf(server, document, 'introspection_endpoint'),
  }
}

/**
 * Makes sure that a command signed for one server is sent to that one. An outage of the metadata does not
 * stop it: disabling a client must not wait for that.
 */
export async function confirmIssuer(io: CommandLineIo, server: Server): Promise<void> {
  try {
    await readMetadata(io, server)
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.code !== 'temporarily_unavailable') throw error
    io.stderr.write(`countersign: ${printable(error.message)}; going on without it.\n`)
  }
}

function metadataUrl(issuer: string): URL {
  const { origin, pathname } = new URL(issuer)
  return new URL(`${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`)
}

function endpointOf(server: Server, document: Record<string, unknown> | undefined, name: string): URL {
  const text = textMember(document, name) ?? ''
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.origin === new URL(server.issuer).origin) return url
  throw new CommandFailure(exitCodes.failed, {
    code: 'invalid_metadata',
    message: `${name} in the metadata of ${server.issuer} is not a URL of that server`,
    remedy: 'Check --url; nothing was sent there.',
  })
}
