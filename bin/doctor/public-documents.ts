import type { JsonWebKey } from 'node:crypto'
import { CommandFailure } from '../failure.ts'
import { type HttpAnswer, send } from '../http.ts'
import type { CommandLineIo } from '../io.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export interface Endpoints {
  token: URL
  jwks: URL
}

/** The discovery document, as far as it can be relied on. */
export interface Discovery {
  findings: Finding[]
  /** Undefined where the document is not this issuer's: nothing more is asked of its addresses. */
  endpoints: Endpoints | undefined
}

const required = ['issuer', 'token_endpoint', 'jwks_uri', 'response_types_supported', 'grant_types_supported']

/** Authorization server metadata (RFC 8414 §3), and the same document under OpenID Connect's name. */
export async function checkDiscovery(io: CommandLineIo, issuer: string): Promise<Discovery> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname === '/' ? '' : pathname
  const answer = await read(io, 'discovery', `${origin}/.well-known/oauth-authorization-server${path}`)
  if ('outcome' in answer) return { findings: [answer], endpoints: undefined }
  const { document = {}, status } = answer
  if (status !== 200) {
    const said = fail('discovery', `status ${status}, not 200`, 'See the log of the metadata function.')
    return { findings: [said], endpoints: undefined }
  }
  const problem = problemOf(document, issuer)
  if (problem !== undefined) return { findings: [problem], endpoints: undefined }
  const endpoints = {
    token: new URL(String(document.token_endpoint)),
    jwks: new URL(String(document.jwks_uri)),
  }
  const found = ok('discovery', `is of ${issuer} and complete (RFC 8414 §2, §3.3)`)
  return { findings: [found, await checkOpenid(io, issuer, answer.text)], endpoints }
}

function problemOf(document: Record<string, unknown>, issuer: string): Finding | undefined {
  const check = 'discovery'
  if (document.issuer !== issuer)
    return fail(
      check,
      `names the issuer ${JSON.stringify(document.issuer)}, not ${issuer} (RFC 8414 §3.3)`,
      'Use the issuer that it names with --url; where a custom domain serves it, deploy with that domainName.',
    )
  const missing = required.filter(name => document[name] === undefined)
  if (missing.length > 0)
    return fail(check, `has no ${missing.join(', ')} (RFC 8414 §2)`, 'Is it a Countersign server?')
  if (
    !Array.isArray(document.grant_types_supported) ||
    !document.grant_types_supported.includes('client_credentials')
  )
    return fail(check, 'does not offer client_credentials', 'Is it a Countersign server?')
  const { origin } = new URL(issuer)
  const stray = Object.entries(document).find(
    ([name, value]) =>
      /_(endpoint|uri)$/.test(name) &&
      !(typeof value === 'string' && URL.canParse(value) && new URL(value).origin === origin),
  )
  if (stray !== undefined)
    return fail(check, `${stray[0]} is not a URL of ${origin}`, 'Nothing was sent there. Deploy again.')
  return undefined
}

async function checkOpenid(io: CommandLineIo, issuer: string, expected: string): Promise<Finding> {
  const check = 'discovery.openid'
  const answer = await read(io, check, `${issuer}/.well-known/openid-configuration`)
  if ('outcome' in answer) return answer
  if (answer.status === 200 && answer.text === expected) return ok(check, 'is the same document')
  return warn(
    check,
    answer.status === 200 ? 'is another document' : `status ${answer.status}`,
    "API Gateway's own JWT authorizer and many libraries look there. A path in front of the server must pass it on.",
  )
}

/** What the server publishes, and how long anybody may keep it. */
export interface PublishedKeys {
  findings: Finding[]
  keys: readonly JsonWebKey[]
}

/** A key signs some six minutes after it was published: who keeps the JWKS for longer refuses good tokens. */
const longestMaxAgeSeconds = 300

/** RFC 7518 §6.2.2, §6.3.2 and §6.4.1. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** The JWK Set (RFC 7517 §5) and its cache headers (RFC 9111 §5.2). */
export async function checkJwks(io: CommandLineIo, jwks: URL): Promise<PublishedKeys> {
  const answer = await read(io, 'jwks', jwks.href)
  if ('outcome' in answer) return { findings: [answer], keys: [] }
  const { status, document, headers } = answer
  const keys: JsonWebKey[] = Array.isArray(document?.keys) ? document.keys.filter(isObject) : []
  if (status !== 200 || keys.length === 0)
    return {
      findings: [
        fail(
          'jwks',
          `has no keys (status ${status})`,
          'See "countersign keys list" and the log of the keeper.',
        ),
      ],
      keys: [],
    }
  return { findings: [checkKeys(keys), checkCaching(headers)], keys }
}

function checkKeys(keys: readonly JsonWebKey[]): Finding {
  if (keys.some(key => privateMembers.some(name => name in key)))
    return fail('jwks', 'PUBLISHES A PRIVATE KEY', 'Treat it as leaked: countersign keys revoke <kid>.')
  const kids = keys.map(({ kid }) => kid)
  if (new Set(kids).size < kids.length || kids.some(kid => typeof kid !== 'string'))
    return fail('jwks', 'has keys without a kid of their own', 'Verifiers cannot choose. Deploy again.')
  // Anything may be there: not all of it can be made text.
  const algorithms = [...new Set(keys.map(({ alg }) => (typeof alg === 'string' ? alg : 'no alg')))].join(
    ', ',
  )
  return ok('jwks', `${keys.length} ${keys.length === 1 ? 'key' : 'keys'} (${algorithms})`)
}

function checkCaching(headers: Headers): Finding {
  const check = 'jwks.cache'
  const control = headers.get('cache-control') ?? ''
  const ages = [...control.matchAll(/\b(?:max-age|s-maxage)=(\d+)/gi)].map(([, age]) => Number(age))
  const longest = Math.max(...ages)
  const remedy = 'A cache or proxy in front of the server must keep its Cache-Control: public, max-age=300.'
  if (ages.length === 0)
    return warn(check, 'no max-age: each verifier keeps it for as long as it likes', remedy)
  if (longest <= longestMaxAgeSeconds) return ok(check, `kept for ${longest} s at most`)
  return fail(
    check,
    `may be kept for ${longest} s: a new key signs after ${longestMaxAgeSeconds} s and more, and its tokens are refused`,
    remedy,
  )
}

async function read(io: CommandLineIo, check: string, url: string): Promise<HttpAnswer | Finding> {
  try {
    return await send(io, new URL(url), { method: 'GET', headers: { accept: 'application/json' } })
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return fail(check, error.message, error.remedy)
  }
}

function isObject(value: unknown): value is JsonWebKey {
  return typeof value === 'object' && value !== null
}
