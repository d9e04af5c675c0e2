import { readText, withNotice } from '../http.ts'
import type { CommandLineIo } from '../io.ts'
import { type Finding, fail, notChecked, ok, warn } from './finding.ts'

/** An answer of the API, as far as it matters here. */
export interface ApiAnswer {
  status: number
  headers: Headers
  text: string
}

/** A route of the API that is called, always with GET. */
export interface ProtectedApi {
  io: CommandLineIo
  url: URL
}

const deadlineMilliseconds = 30_000

/** Of an answer no more is looked at: what a route serves may be of any length. */
const octetsLookedAt = 1024

/** @throws Error where there is no answer */
export async function callApi({ io, url }: ProtectedApi, token?: string): Promise<ApiAnswer> {
  const response = await io.fetch(url, {
    method: 'GET',
    headers: {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    redirect: 'manual',
    signal: AbortSignal.timeout(deadlineMilliseconds),
  })
  const { text } = await readText(response, octetsLookedAt)
  return { status: response.status, headers: response.headers, text }
}

/** Whether an answer says that the call was let through: whatever the API itself then said. */
export function isAllowed({ status }: ApiAnswer): boolean {
  return ![401, 403, 429].includes(status) && status < 500
}

/**
 * A call without a token, which has to be refused by the authorizer.
 *
 * @returns the findings, and whether it makes sense to go on
 */
export async function checkWithoutToken(api: ProtectedApi): Promise<{ findings: Finding[]; goOn: boolean }> {
  const check = 'api.no_token'
  let answer: ApiAnswer
  try {
    answer = await withNotice(api.io, api.url.host, () => callApi(api))
  } catch (error) {
    const found = `${api.url.host} cannot be reached: ${error instanceof Error ? error.message : String(error)}`
    return { findings: [fail(check, found, 'Check --api and the network.')], goOn: false }
  }
  if (answer.status === 404)
    return {
      findings: [
        fail(check, `${api.url.href} does not exist (404)`, 'Name a protected GET route with --api.'),
      ],
      goOn: false,
    }
  if (isAllowed(answer))
    return {
      findings: [
        fail(
          check,
          `IS LET THROUGH without a token (status ${answer.status}): the route has no authorizer`,
          'Give the route authorizer: countersign.authorize(…), or name a protected one with --api.',
        ),
      ],
      goOn: false,
    }
  return { findings: [refusal(check, 'a call without a token', answer, 401), challenge(answer)], goOn: true }
}

/** A token with a signature that is not valid: the authorizer's own 401 (docs/adr/0004). */
export async function checkInvalidToken(api: ProtectedApi, token: string): Promise<Finding> {
  const answer = await callApi(api, spoilt(token))
  return refusal('api.invalid_token', 'an invalid token', answer, 401)
}

export async function checkValidToken(api: ProtectedApi, token: string): Promise<Finding> {
  const check = 'api.valid_token'
  const answer = await callApi(api, token)
  if (isAllowed(answer)) return ok(check, `a valid token is let through (status ${answer.status})`)
  const remedies: Record<number, string> = {
    401: 'Is the API one of this server, and for this resource server? Name its audience with --resource.',
    403: 'Does the route need a scope that --scope does not name?',
  }
  return fail(
    check,
    `a valid token is refused with ${answer.status}`,
    remedies[answer.status] ?? "See the log of the API's authorizer.",
  )
}

/** @param answers one for each single scope that a token was got for */
export function checkTooLittleScope(answers: readonly ApiAnswer[]): Finding {
  const check = 'api.403'
  const refused = answers.find(answer => !isAllowed(answer))
  if (refused === undefined)
    return notChecked(
      check,
      'no scope of the resource server is too little for this route',
      'Name another one with --api.',
    )
  return refusal(check, 'too little scope', refused, 403)
}

function refusal(check: string, what: string, { status, text }: ApiAnswer, expected: 401 | 403): Finding {
  if (status === expected)
    return ok(check, `${what} is ${expected}${text === '' ? '' : ` ${text.slice(0, 60)}`}`)
  if (status < 500 && isAllowed({ status, headers: new Headers(), text }))
    return fail(
      check,
      `${what} IS LET THROUGH (status ${status})`,
      'Disable the clients concerned, and see the authorizer.',
    )
  return fail(
    check,
    `${what} is refused with ${status}, not ${expected}`,
    status >= 500
      ? "Nobody gets in, but callers take it for an outage. See the log of the API's authorizer, and ADR 4 for its 401."
      : 'Is another authorizer in front of the route?',
  )
}

/** RFC 6750 §3 wants a challenge, which an HTTP API's authorizer cannot send. */
function challenge({ headers, text }: ApiAnswer): Finding {
  const check = 'api.challenge'
  if (/^bearer\b/i.test(headers.get('www-authenticate') ?? ''))
    return ok(check, 'WWW-Authenticate: Bearer arrives')
  if (text === '{"message":"Unauthorized"}')
    return ok(
      check,
      'no WWW-Authenticate, as HTTP APIs refuse (RFC 6750 §3 wants one; none can be set there)',
    )
  return warn(
    check,
    'no WWW-Authenticate: Bearer (RFC 6750 §3)',
    'What stands in front of the API may drop it.',
  )
}

/** The same token with one character of its signature changed to another that base64url could have there. */
function spoilt(token: string): string {
  const at = token.lastIndexOf('.') + 1
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}
