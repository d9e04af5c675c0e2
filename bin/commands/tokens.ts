import type { JsonWebKey } from 'node:crypto'
import { type DecodedToken, decodeToken, verifySignature } from '../access-token.ts'
import { connectAsAdministrator, unexpectedAnswer } from '../admin-client.ts'
import { connectAsClient, credentialFlags, credentialSources } from '../client-authentication.ts'
import { type Command, type CommandCall, type CommandGroup, operand } from '../command.ts'
import { describeMoment } from '../duration.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { send } from '../http.ts'
import { describeIntrospection, introspect as introspectToken } from '../introspection.ts'
import { readMetadata } from '../metadata.ts'
import { printable } from '../output.ts'
import { findServerNearby, type Server } from '../server.ts'
import { readToken } from '../standard-input.ts'
import { describeReport, reportOn, type Verification } from '../token-report.ts'
import { requestToken } from '../token-request.ts'

const get: Command = {
  summary: 'get an access token as a client; prints nothing but the token',
  operands: ['client_id'],
  flags: [...credentialFlags, 'scope', 'resource'],
  required: [credentialSources],
  exclusive: [credentialSources],
  details: [
    'Needs the secret or the private key of the client, not administrator rights; --json prints the whole token',
    'response. A key signs an assertion for this one request (RFC 7523), good for a minute. The secret of a declared',
    'client is read from Secrets Manager by --secret-id, and shown to nobody.',
  ],
  example: 'countersign tokens get <client_id> --secret-file secret.txt --scope orders:read',
  async run(call) {
    const { io, flags } = call
    const clientId = operand(call, 0)
    const { server, metadata, credentials } = await connectAsClient(io, flags, clientId)
    const response = await requestToken(io, {
      tokenEndpoint: metadata.tokenEndpoint,
      issuer: server.issuer,
      credentials,
      scope: flags.value('scope'),
      resource: flags.value('resource'),
    })
    return { document: response, text: () => `${response.access_token}\n` }
  },
}

const inspect: Command = {
  summary: 'decode a token and verify its signature with the keys of the server',
  operands: ['token'],
  flags: [],
  details: [
    'Says what was verified and what was not. Asks AWS for the server only with --stack, --region or',
    '--profile, and never the address inside the token. Exit code 1: the signature is invalid.',
  ],
  example: 'countersign tokens get <client_id> --secret-file secret.txt | countersign tokens inspect -',
  async run(call) {
    const token = decodeToken(await readToken(call.io, operand(call, 0)))
    const verification = await verifyToken(call, token)
    const now = Math.floor(call.io.now().getTime() / 1000)
    const report = reportOn(token, verification, now)
    return {
      document: report,
      text: style => describeReport(style, report, now),
      exitCode: verification.signature === 'invalid' ? exitCodes.failed : exitCodes.ok,
    }
  },
}

async function verifyToken({ io, flags }: CommandCall, token: DecodedToken): Promise<Verification> {
  let server: Server | undefined
  try {
    server = await findServerNearby(io, flags)
    if (!server)
      return { signature: 'not_checked', reason: 'no server to ask for its keys; name one with --url' }
    const { jwksUri } = await readMetadata(io, server)
    const { status, document } = await send(io, jwksUri, {
      method: 'GET',
      headers: { accept: 'application/json' },
    })
    if (status !== 200 || !Array.isArray(document?.keys))
      return { signature: 'not_checked', reason: `${server.issuer} gave no keys (status ${status})` }
    return {
      ...verifySignature(token, document.keys.filter(isObject)),
      issuer: server.issuer,
      issuer_matches: token.claims.iss === server.issuer,
    }
  } catch (error) {
    // The claims can be read without a server; a misspelt --url is still an error.
    if (!(error instanceof CommandFailure) || error.exitCode === exitCodes.usage) throw error
    return { signature: 'not_checked', reason: error.message }
  }
}

function isObject(value: unknown): value is JsonWebKey {
  return typeof value === 'object' && value !== null
}

const introspect: Command = {
  summary: 'ask the server whether a token is active, as the client that it is for or of',
  operands: ['token'],
  flags: ['client', ...credentialFlags],
  required: ['client', credentialSources],
  exclusive: [credentialSources],
  details: [
    'A token is described to the client it was issued to, and to the client that is the resource server it is for',
    '("clients create --resource-server"); to any other it is not active. Exit code 0 whether active or not.',
  ],
  example: 'countersign tokens introspect - --client <client_id> --key-file orders.jwk < token.txt',
  async run(call) {
    const { io, flags } = call
    if ([operand(call, 0), flags.value('secret-file'), flags.value('key-file')].filter(isDash).length > 1)
      throw usageFailure(
        'the token and the credentials cannot both be on standard input',
        'Use a file for one.',
      )
    const token = await readToken(io, operand(call, 0))
    const { server, metadata, credentials } = await connectAsClient(io, flags, flags.value('client') ?? '')
    const { introspectionEndpoint } = metadata
    const request = { introspectionEndpoint, issuer: server.issuer, credentials, token }
    const response = await introspectToken(io, request)
    return { document: response, text: style => describeIntrospection(style, response) }
  },
}

function isDash(text: string | undefined): boolean {
  return text === '-'
}

const revoke: Command = {
  summary: 'revoke one access token, as administrator',
  operands: ['token'],
  flags: [],
  details: ['"-" reads the token from standard input, which keeps it out of the list of processes.'],
  example: 'countersign tokens revoke - < token.txt',
  async run(call) {
    const token = await readToken(call.io, operand(call, 0))
    const admin = await connectAsAdministrator(call.io, call.flags)
    const document = await admin({ method: 'POST', path: ['tokens', 'revoke'], body: { token } }).catch(
      explain,
    )
    const { jti, client_id: clientId, exp } = document
    if (typeof jti !== 'string' || typeof clientId !== 'string' || typeof exp !== 'number')
      throw unexpectedAnswer('the server')
    return {
      document,
      text: () => printable(`revoked ${jti} of ${clientId} (it expires ${describeMoment(exp)})`).concat('\n'),
    }
  },
}

function explain(error: unknown): never {
  if (!(error instanceof CommandFailure) || error.code !== 'invalid_token') throw error
  throw new CommandFailure(
    error.exitCode,
    {
      code: error.code,
      message: error.message,
      remedy: 'Look at it with "countersign tokens inspect": is it of this server, and complete?',
    },
    { cause: error },
  )
}

export const tokenCommands: CommandGroup = { get, inspect, introspect, revoke }
