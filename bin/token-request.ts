import type { AuthMethod } from './client-settings.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { type HttpAnswer, send, textMember } from './http.ts'
import type { CommandLineIo } from './io.ts'

export interface ClientCredentialsRequest {
  tokenEndpoint: URL
  clientId: string
  clientSecret: string
  authMethod: AuthMethod
  scope: string | undefined
  /** Resource indicator (RFC 8707). */
  resource: string | undefined
}

export interface TokenResponse {
  access_token: string
  token_type: string
  expires_in?: number
  scope?: string
}

/**
 * A client credentials request (RFC 6749 §4.4.2).
 *
 * @throws CommandFailure with the server's error code; `invalid_client` has exit code 5
 */
export async function requestToken(
  io: CommandLineIo,
  request: ClientCredentialsRequest,
): Promise<TokenResponse> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (request.scope !== undefined) form.set('scope', request.scope)
  if (request.resource !== undefined) form.set('resource', request.resource)
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  }
  if (request.authMethod === 'client_secret_post') {
    form.set('client_id', request.clientId)
    form.set('client_secret', request.clientSecret)
  } else headers.authorization = basicCredentials(request.clientId, request.clientSecret)
  const answer = await send(io, request.tokenEndpoint, { method: 'POST', headers, body: form.toString() })
  if (answer.status !== 200) throw refusal(request, answer)
  const { document } = answer
  const token = textMember(document, 'access_token')
  if (
    token === undefined ||
    !/^[\x21-\x7e]+$/.test(token) ||
    textMember(document, 'token_type') === undefined
  )
    throw new CommandFailure(exitCodes.failed, {
      code: 'unexpected_answer',
      message: 'the token endpoint answered without a token',
      remedy: 'Check --url: is it a Countersign server?',
    })
  return document as unknown as TokenResponse
}

// RFC 6749 §2.3.1: both are form-urlencoded before they are joined.
function basicCredentials(clientId: string, clientSecret: string): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}

function refusal({ authMethod, clientId }: ClientCredentialsRequest, answer: HttpAnswer): CommandFailure {
  const { status, document } = answer
  const code = textMember(document, 'error')
  const said = textMember(document, 'error_description') ?? textMember(document, 'message')
  const other = authMethod === 'client_secret_basic' ? 'client_secret_post' : 'client_secret_basic'
  const remedies: Record<string, string> = {
    invalid_client: `The secret or the client may be wrong or disabled; if it is registered with ${other}: --auth-method ${other}`,
    invalid_scope: `Ask only for scopes that are granted: countersign clients show ${clientId}`,
    invalid_target: `Name one resource server that is granted with --resource: countersign clients show ${clientId}`,
  }
  return new CommandFailure(code === 'invalid_client' ? exitCodes.credentialsRefused : exitCodes.failed, {
    code: code ?? 'server_error',
    message: `the server issued no token: ${[code, said].filter(Boolean).join(': ') || `status ${status}`}`,
    remedy:
      remedies[code ?? ''] ??
      (status >= 500 || status === 429 ? 'Try again.' : 'Correct the request and try again.'),
  })
}
