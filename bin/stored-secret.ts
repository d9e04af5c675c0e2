import type { GivenFlags } from './arguments.ts'
import { type AwsRequest, postSigned, postToAws } from './aws-request.ts'
import { findRegion, localCredentials } from './aws-settings.ts'
import { CommandFailure, exitCodes, unreachableFailure } from './failure.ts'
import { type HttpAnswer, textMember } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { findLocalServer } from './local-server.ts'
import type { Server } from './server.ts'

export interface StoredSecretQuery {
  /** The ARN or the name of the secret in Secrets Manager. */
  secretId: string
  clientId: string
  server: Server
  tokenEndpoint: URL
}

/**
 * The client secret of a declared client, from AWS Secrets Manager, or from the stand-in of the local server. It is
 * handed over for that client and that server alone, as the stored JSON names them.
 *
 * @throws CommandFailure `not_found` (exit code 3), `access_denied` (5), `other_secret`
 */
export async function readStoredSecret(
  io: CommandLineIo,
  given: GivenFlags,
  { secretId, clientId, server, tokenEndpoint }: StoredSecretQuery,
): Promise<string> {
  const answer = await getSecretValue(io, given, server, secretId)
  if (answer.status !== 200) throw refusal(secretId, answer)
  const stored = jsonOf(textMember(answer.document, 'SecretString'))
  const secret = stored?.client_secret
  if (stored?.client_id !== clientId || typeof secret !== 'string')
    throw otherSecret(
      `${secretId} holds no secret of ${clientId}`,
      `Its secret is where "countersign clients show ${clientId}" says.`,
    )
  if (stored.token_endpoint !== tokenEndpoint.href)
    throw otherSecret(
      `${secretId} is for another server than ${server.issuer}`,
      `It is for ${stored.token_endpoint}: name that server with --url or --stack.`,
    )
  return secret
}

function getSecretValue(
  io: CommandLineIo,
  given: GivenFlags,
  server: Server,
  secretId: string,
): Promise<HttpAnswer> {
  const request: AwsRequest = {
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'secretsmanager.GetSecretValue',
    },
    body: JSON.stringify({ SecretId: secretId }),
  }
  if (server.local) {
    const scope = { credentials: localCredentials, region: server.region ?? 'us-east-1' }
    return postSigned(io, localEndpoint(io, server), { ...scope, service: 'secretsmanager' }, request)
  }
  const profile = given.value('profile')
  const region = regionOfArn(secretId) ?? given.value('region') ?? server.region
  return postToAws(io, 'secretsmanager', { region: findRegion(io, { region, profile }), profile }, request)
}

function regionOfArn(secretId: string): string | undefined {
  return /^arn:[^:]*:secretsmanager:([^:]+):/.exec(secretId)?.[1]
}

function localEndpoint(io: CommandLineIo, server: Server): URL {
  const running = findLocalServer(io)
  if (running?.issuer === server.issuer && running.secretsManager !== undefined)
    return new URL(running.secretsManager)
  throw unreachableFailure(
    `where the secrets of ${server.issuer} are is in its endpoints.json, which is not here`,
    'Go to the folder in which it was started, or set COUNTERSIGN_DATA_DIR.',
  )
}

function jsonOf(text: string | undefined): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text ?? '') ?? undefined
  } catch {
    // The parser's message would quote the secret.
    return undefined
  }
}

function otherSecret(message: string, remedy: string): CommandFailure {
  return new CommandFailure(exitCodes.failed, { code: 'other_secret', message, remedy })
}

function refusal(secretId: string, { status, document }: HttpAnswer): CommandFailure {
  const code = textMember(document, '__type') ?? ''
  const said = textMember(document, 'message') ?? textMember(document, 'Message') ?? `status ${status}`
  if (code.endsWith('ResourceNotFoundException'))
    return new CommandFailure(exitCodes.notFound, {
      code: 'not_found',
      message: `there is no value of the secret ${secretId}: ${said}`,
      remedy: '"countersign clients show <client_id>" says where the secret of a declared client is.',
    })
  if (
    status === 401 ||
    status === 403 ||
    /AccessDenied|UnrecognizedClient|Token|Signature|Credential/.test(code)
  )
    return new CommandFailure(exitCodes.credentialsRefused, {
      code: 'access_denied',
      message: `Secrets Manager refused the AWS credentials: ${said}`,
      remedy: 'Choose others with --profile; they need secretsmanager:GetSecretValue on this secret.',
    })
  return new CommandFailure(exitCodes.failed, {
    code: 'secret_unreadable',
    message: `Secrets Manager did not give the secret ${secretId}: ${said}`,
    remedy: status >= 500 || status === 429 ? 'Try again.' : 'Correct --secret-id and try again.',
  })
}
