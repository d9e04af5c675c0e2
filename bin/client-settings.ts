import type { GivenFlags } from './arguments.ts'
import type { Grant } from './client-document.ts'
import { parseDurationSeconds } from './duration.ts'
import { usageFailure } from './failure.ts'

const authMethods = ['client_secret_basic', 'client_secret_post'] as const
export type AuthMethod = (typeof authMethods)[number]

/** The members of a client that flags set; what no flag names is absent. */
export interface ClientSettings {
  client_name?: string
  grants?: Grant[]
  token_endpoint_auth_method?: AuthMethod
  /** Seconds; null: back to what the server decides. */
  access_token_lifetime?: number | null
}

/** @throws CommandFailure `invalid_usage` */
export function parseClientSettings(given: GivenFlags): ClientSettings {
  const name = given.value('name')
  const method = parseAuthMethod(given)
  const lifetime = given.value('lifetime')
  return {
    ...(name === undefined ? {} : { client_name: name }),
    ...(given.has('grant') ? { grants: parseGrants(given.all('grant')) } : {}),
    ...(method === undefined ? {} : { token_endpoint_auth_method: method }),
    ...(lifetime === undefined ? {} : { access_token_lifetime: parseLifetime(lifetime) }),
  }
}

export function parseAuthMethod(given: GivenFlags): AuthMethod | undefined {
  const method = given.value('auth-method')
  if (method === undefined) return undefined
  const known = authMethods.find(candidate => candidate === method)
  if (known) return known
  throw usageFailure(
    `"${method}" is not an authentication method here`,
    `It is one of: ${authMethods.join(', ')}.`,
  )
}

// A resource with "=" in it would need a query, which RFC 8707 §2 advises against; a scope token may well
// contain one: so the first "=" divides.
function parseGrants(texts: readonly string[]): Grant[] {
  const grants = texts.map(text => {
    const at = text.indexOf('=')
    const resource = text.slice(0, Math.max(at, 0)).trim()
    const scope = text
      .slice(at + 1)
      .split(/\s+/)
      .filter(token => token !== '')
      .join(' ')
    if (at < 0 || resource === '' || scope === '')
      throw usageFailure(
        `"${text}" is not a grant`,
        'A grant is "<resource>=<scope scope>": --grant "https://orders.example.com=orders:read orders:write"',
      )
    if (!/^[A-Za-z][A-Za-z0-9+.-]*:./.test(resource) || !URL.canParse(resource))
      throw usageFailure(
        `"${resource}" is not an absolute URI`,
        'A resource looks like https://orders.example.com.',
      )
    return { resource, scope }
  })
  const twice = grants.find(
    ({ resource }, at) => grants.findIndex(grant => grant.resource === resource) !== at,
  )
  if (twice)
    throw usageFailure(
      `two grants name ${twice.resource}`,
      `Join them: --grant "${twice.resource}=<all its scopes>"`,
    )
  return grants
}

function parseLifetime(text: string): number | null {
  if (text === 'default') return null
  const seconds = parseDurationSeconds(text)
  if (seconds) return seconds
  throw usageFailure(
    `"${text}" is not a lifetime`,
    'It is a number of seconds, such as 600, or 10m, 1h, or default.',
  )
}
