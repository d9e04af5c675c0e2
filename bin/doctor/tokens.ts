import type { JsonWebKey } from 'node:crypto'
import { decodeToken, verifySignature } from '../access-token.ts'
import { type ClientCredentials, sendAsClient } from '../client-authentication.ts'
import { CommandFailure } from '../failure.ts'
import { type HttpAnswer, textMember } from '../http.ts'
import type { CommandLineIo } from '../io.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { type TemporaryClient, temporaryLifetimeSeconds } from './temporary-client.ts'

/** Where tokens come from, and what they are to be like. */
export interface TokenSource {
  io: CommandLineIo
  issuer: string
  tokenEndpoint: URL
  published: readonly JsonWebKey[]
  resource: string
  client: TemporaryClient
}

/** A token response (RFC 6749 §5.1) and the token in it (RFC 9068 §2). */
export async function checkToken(
  source: TokenSource,
  scope: string,
): Promise<{ findings: Finding[]; token: string | undefined }> {
  const answer = await request(source, source.client.secret, scope)
  const token = textMember(answer.document, 'access_token')
  if (answer.status !== 200 || token === undefined) {
    const code = textMember(answer.document, 'error') ?? ''
    const found = `none for a new client: status ${answer.status} ${code}`.trimEnd()
    return {
      findings: [
        fail('token', found, 'See the log of the token function, and the KMS errors on the dashboard.'),
      ],
      token: undefined,
    }
  }
  return { findings: [checkResponse(answer), checkContents(source, token, scope)], token }
}

/** A token with other scopes; undefined: it was refused. */
export async function tokenFor(source: TokenSource, scope: string): Promise<string | undefined> {
  return textMember((await request(source, source.client.secret, scope)).document, 'access_token')
}

function request(source: TokenSource, secret: string, scope: string): Promise<HttpAnswer> {
  const { io, issuer, tokenEndpoint: endpoint, resource, client } = source
  const credentials: ClientCredentials = { clientId: client.clientId, method: 'client_secret_basic', secret }
  const parameters = { grant_type: 'client_credentials', scope, resource }
  return sendAsClient(io, credentials, { endpoint, issuer, parameters })
}

function checkResponse({ headers, document }: HttpAnswer): Finding {
  const problems = [
    ...(/\bno-store\b/i.test(headers.get('cache-control') ?? '') ? [] : ['no Cache-Control: no-store']),
    ...(/^bearer$/i.test(textMember(document, 'token_type') ?? '') ? [] : ['token_type is not Bearer']),
    ...(document?.expires_in === temporaryLifetimeSeconds ? [] : ['expires_in is not its lifetime']),
  ]
  return problems.length === 0
    ? ok('token', 'issued to a new client (RFC 6749 §5.1)')
    : fail(
        'token',
        `issued, but ${problems.join(', ')} (RFC 6749 §5.1)`,
        'What stands in front of the server must not change its answers.',
      )
}

function checkContents(
  { issuer, published, resource, client }: TokenSource,
  token: string,
  scope: string,
): Finding {
  const check = 'token.contents'
  const remedy =
    'APIs refuse it. Compare the issuer and the keys with the deployment: countersign tokens inspect'
  let decoded: ReturnType<typeof decodeToken>
  try {
    decoded = decodeToken(token)
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return fail(check, 'is not a JWT', remedy)
  }
  const { header, claims } = decoded
  const { signature, reason } = verifySignature(decoded, published)
  if (signature === 'invalid') return fail(check, `its signature is not valid: ${reason}`, remedy)
  const expected = { iss: issuer, aud: resource, client_id: client.clientId, sub: client.clientId }
  const wrong = Object.entries(expected).flatMap(([name, value]) => (claims[name] === value ? [] : [name]))
  if (inOrder(claims.scope) !== inOrder(scope)) wrong.push('scope')
  if (header.typ !== 'at+jwt') wrong.push('typ')
  const { exp, iat } = claims
  const hasTimes = typeof exp === 'number' && typeof iat === 'number'
  if (!hasTimes || exp - iat !== temporaryLifetimeSeconds) wrong.push('exp')
  return wrong.length === 0
    ? ok(check, `signed by a published key, for ${resource} (RFC 9068 §2)`)
    : fail(check, `is not as it should be: ${wrong.join(', ')} (RFC 9068 §2)`, remedy)
}

function inOrder(scope: unknown): string | undefined {
  return typeof scope === 'string' ? scope.split(' ').sort().join(' ') : undefined
}

/** How a wrong secret is refused: 401, `invalid_client` and a challenge (RFC 6749 §5.2). */
export async function checkRefusal(source: TokenSource): Promise<Finding[]> {
  const { status, document, headers } = await request(source, 'wrong', '')
  const refused =
    status === 401 && textMember(document, 'error') === 'invalid_client'
      ? ok('token.401', 'a wrong secret is 401 invalid_client (RFC 6749 §5.2)')
      : fail(
          'token.401',
          `a wrong secret is ${status}, not 401 invalid_client (RFC 6749 §5.2)`,
          'See the log of the token function.',
        )
  return [refused, checkChallenge(headers)]
}

function checkChallenge(headers: Headers): Finding {
  const check = 'token.challenge'
  const challenge = headers.get('www-authenticate') ?? ''
  if (/^basic\b/i.test(challenge)) return ok(check, 'WWW-Authenticate: Basic arrives (RFC 6749 §5.2)')
  if (headers.has('x-amzn-remapped-www-authenticate'))
    return warn(
      check,
      'WWW-Authenticate arrives as x-amzn-remapped-www-authenticate: the gateway renames it',
      'Clients that wait for a challenge need another path to the server; those that send their secret at once do not.',
    )
  return fail(
    check,
    'WWW-Authenticate does not arrive (RFC 6749 §5.2)',
    'What stands in front of the server drops it: let it through.',
  )
}
