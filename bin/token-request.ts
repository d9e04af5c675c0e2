import { type ClientCredentials, refusalOf, sendAsClient } from './client-authentication.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { textMember } from './http.ts'
import type { CommandLineIo } from './io.ts'

export interface ClientCredentialsRequest {
  tokenEndpoint: URL
  issuer: string
  credentials: ClientCredentials
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
  { tokenEndpoint, issuer, credentials, scope, resource }: ClientCredentialsRequest,
): Promise<TokenResponse> {
  const parameters = {
    grant_type: 'client_credentials',
    ...(scope === undefined ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
  }
  const answer = await sendAsClient(io, credentials, { endpoint: tokenEndpoint, issuer, parameters })
  if (answer.status !== 200) {
    const look = `countersign clients show ${credentials.clientId}`
    throw refusalOf(credentials, answer, {
      what: 'issued no token',
      remedies: {
        invalid_scope: `Ask only for scopes that are granted: ${look}`,
        invalid_target: `Name one resource server that is granted with --resource: ${look}`,
      },
    })
  }
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
