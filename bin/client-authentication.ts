import type { GivenFlags } from './arguments.ts'
import { parseSigningKey, type SigningKey, signAssertion } from './client-assertion.ts'
import { parseAuthMethod } from './client-settings.ts'
import { CommandFailure, exitCodes, usageFailure } from './failure.ts'
import { type HttpAnswer, send, textMember } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { readMetadata, type ServerMetadata } from './metadata.ts'
import { findServer, type Server } from './server.ts'
import { readClientSecret, readInput } from './standard-input.ts'
import { readStoredSecret } from './stored-secret.ts'

type SecretMethod = 'client_secret_basic' | 'client_secret_post'

/** A client and what it proves with who it is. */
export type ClientCredentials = { clientId: string } & (
  | { method: SecretMethod; secret: string }
  | { method: 'private_key_jwt'; key: SigningKey }
)

/** Where the credentials are: one of these is there. */
export const credentialSources = ['secret-file', 'secret-id', 'key-file'] as const

/** The flags that `connectAsClient` reads. */
export const credentialFlags = [...credentialSources, 'auth-method'] as const

export interface ClientConnection {
  server: Server
  metadata: ServerMetadata
  credentials: ClientCredentials
}

/**
 * Finds the server, and reads what `--secret-file`, `--secret-id` or `--key-file` names. A key means
 * `private_key_jwt`; what kind of secret method it is says `--auth-method`. A file that will not do is refused before
 * anything is sent.
 *
 * @throws CommandFailure `invalid_usage`; of a secret in Secrets Manager, also as `readStoredSecret`
 */
export async function connectAsClient(
  io: CommandLineIo,
  given: GivenFlags,
  clientId: string,
): Promise<ClientConnection> {
  const ofFile = await readCredentialsFile(io, given, clientId)
  const server = await findServer(io, given)
  const metadata = await readMetadata(io, server)
  if ('credentials' in ofFile) return { server, metadata, credentials: ofFile.credentials }
  const { method, secretId } = ofFile
  const { tokenEndpoint } = metadata
  const secret = await readStoredSecret(io, given, { secretId, clientId, server, tokenEndpoint })
  return { server, metadata, credentials: { clientId, method, secret } }
}

/** Credentials, or where they are instead of in a file. */
async function readCredentialsFile(
  io: CommandLineIo,
  given: GivenFlags,
  clientId: string,
): Promise<{ credentials: ClientCredentials } | { method: SecretMethod; secretId: string }> {
  const keyFile = given.value('key-file')
  const method = parseAuthMethod(given) ?? (keyFile === undefined ? 'client_secret_basic' : 'private_key_jwt')
  if ((method === 'private_key_jwt') !== (keyFile !== undefined))
    throw usageFailure(
      keyFile === undefined ? 'private_key_jwt needs a key' : `${method} needs a secret, not a key`,
      'Give --key-file for private_key_jwt, and --secret-file or --secret-id for the other methods.',
    )
  if (method === 'private_key_jwt') {
    const key = parseSigningKey(await readInput(io, keyFile ?? '', 'key'))
    return { credentials: { clientId, method, key } }
  }
  const secretId = given.value('secret-id')
  if (secretId !== undefined) return { method, secretId }
  const secret = await readClientSecret(io, given.value('secret-file') ?? '', clientId)
  return { credentials: { clientId, method, secret } }
}

/** A form to an endpoint that authenticates clients (RFC 6749 §2.3.1, RFC 7523 §2.2). */
export interface ClientRequest {
  endpoint: URL
  issuer: string
  parameters: Readonly<Record<string, string>>
}

export function sendAsClient(
  io: CommandLineIo,
  credentials: ClientCredentials,
  { endpoint, issuer, parameters }: ClientRequest,
): Promise<HttpAnswer> {
  const form = new URLSearchParams(parameters)
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  }
  const { clientId, method } = credentials
  if (method === 'private_key_jwt') {
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    form.set('client_assertion', signAssertion(credentials.key, { clientId, issuer, now: io.now() }))
  } else if (method === 'client_secret_post') {
    form.set('client_id', clientId)
    form.set('client_secret', credentials.secret)
  } else headers.authorization = basicCredentials(clientId, credentials.secret)
  return send(io, endpoint, { method: 'POST', headers, body: form.toString() })
}

// RFC 6749 §2.3.1: both are form-urlencoded before they are joined.
function basicCredentials(clientId: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString('base64')}`
}

/**
 * A refusal (RFC 6749 §5.2) in the server's words. `invalid_client` has exit code 5.
 *
 * @param what what the server did not do
 * @param remedies by error code
 */
export function refusalOf(
  credentials: ClientCredentials,
  { status, document }: HttpAnswer,
  { what, remedies = {} }: { what: string; remedies?: Readonly<Record<string, string>> },
): CommandFailure {
  const code = textMember(document, 'error')
  const said = textMember(document, 'error_description') ?? textMember(document, 'message')
  const known: Readonly<Record<string, string>> = {
    invalid_client: remedyForRefusedClient(credentials),
    ...remedies,
  }
  return new CommandFailure(code === 'invalid_client' ? exitCodes.credentialsRefused : exitCodes.failed, {
    code: code ?? 'server_error',
    message: `the server ${what}: ${[code, said].filter(Boolean).join(': ') || `status ${status}`}`,
    remedy:
      (code !== undefined && Object.hasOwn(known, code) ? known[code] : undefined) ??
      (status >= 500 || status === 429 ? 'Try again.' : 'Correct the request and try again.'),
    status,
  })
}

function remedyForRefusedClient({ clientId, method }: ClientCredentials): string {
  if (method === 'private_key_jwt')
    return `Is the client active, is the key one of its keys, is this machine's clock right? countersign clients show ${clientId}`
  const other = method === 'client_secret_basic' ? 'client_secret_post' : 'client_secret_basic'
  return `The secret or the client may be wrong or disabled; if it is registered with ${other}: --auth-method ${other}`
}
