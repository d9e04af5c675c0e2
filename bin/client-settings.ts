import type { FlagName, GivenFlags } from './arguments.ts'
import type { Grant } from './client-document.ts'
import { parseDurationSeconds } from './duration.ts'
import { usageFailure } from './failure.ts'
import type { CommandLineIo } from './io.ts'
import { type AssertionAlgorithm, assertionAlgorithms } from './key-pair.ts'
import { parseNewKeyFile } from './new-key.ts'
import { type JwkSet, readPublicKeys } from './public-keys.ts'

const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const
export type AuthMethod = (typeof authMethods)[number]

/** Where the keys of a client come from: one of these. */
export const keySourceFlags = ['generate-key', 'jwks', 'jwks-uri'] as const satisfies FlagName[]

/** The flags that `readClientSettings` reads. */
export const settingFlags = [
  'name',
  'grant',
  'resource-server',
  'auth-method',
  ...keySourceFlags,
  'signing-alg',
  'lifetime',
] as const satisfies FlagName[]

/** The members of a client that flags set; what no flag names is absent. null: none, or as the server decides. */
export interface ClientSettings {
  client_name?: string
  grants?: Grant[]
  resource_server?: string | null
  token_endpoint_auth_method?: AuthMethod
  token_endpoint_auth_signing_alg?: AssertionAlgorithm | null
  jwks?: JwkSet
  jwks_uri?: string
  /** Seconds. */
  access_token_lifetime?: number | null
}

export interface GivenClientSettings {
  settings: ClientSettings
  /** The path for the private key that is to be made; undefined: none. */
  newKeyFile: string | undefined
}

/** @throws CommandFailure `invalid_usage` */
export async function readClientSettings(io: CommandLineIo, given: GivenFlags): Promise<GivenClientSettings> {
  const name = given.value('name')
  const method = parseAuthMethod(given) ?? impliedMethod(given)
  checkKeySource(given, method)
  const algorithm = given.value('signing-alg')
  const uri = given.value('jwks-uri')
  const resourceServer = given.value('resource-server')
  const lifetime = given.value('lifetime')
  const newKeyFile = given.value('generate-key')
  const keys = given.value('jwks')
  const settings = {
    ...(name === undefined ? {} : { client_name: name }),
    ...(given.has('grant') ? { grants: parseGrants(given.all('grant')) } : {}),
    ...(resourceServer === undefined ? {} : { resource_server: parseResourceServer(resourceServer) }),
    ...(method === undefined ? {} : { token_endpoint_auth_method: method }),
    ...(algorithm === undefined ? {} : { token_endpoint_auth_signing_alg: parseAlgorithm(algorithm) }),
    ...(uri === undefined ? {} : { jwks_uri: parseJwksUri(uri) }),
    ...(lifetime === undefined ? {} : { access_token_lifetime: parseLifetime(lifetime) }),
  }
  return {
    settings: keys === undefined ? settings : { ...settings, jwks: await readPublicKeys(io, keys) },
    newKeyFile: newKeyFile === undefined ? undefined : parseNewKeyFile(io, newKeyFile),
  }
}

/** The body of a registration or a replacement: null is told by leaving the member out. */
export function bodyOf(members: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== undefined),
  )
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

function impliedMethod(given: GivenFlags): AuthMethod | undefined {
  return keySourceFlags.some(flag => given.has(flag)) ? 'private_key_jwt' : undefined
}

function checkKeySource(given: GivenFlags, method: AuthMethod | undefined): void {
  if (method === undefined || method === 'private_key_jwt') return
  const stray = [...keySourceFlags, 'signing-alg' as const].find(flag => given.has(flag))
  if (stray !== undefined)
    throw usageFailure(`--${stray} is for private_key_jwt, not for ${method}`, 'Leave one of the two out.')
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
    return { resource: parseAudience(resource), scope }
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

/** A resource indicator (RFC 8707 §2), as far as it can be mistaken for something else. */
export function parseAudience(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:./.test(text) && URL.canParse(text)) return text
  throw usageFailure(`"${text}" is not an absolute URI`, 'A resource looks like https://orders.example.com.')
}

function parseResourceServer(text: string): string | null {
  return text === 'none' ? null : parseAudience(text)
}

function parseAlgorithm(text: string): AssertionAlgorithm | null {
  if (text === 'default') return null
  const known = assertionAlgorithms.find(candidate => candidate === text)
  if (known) return known
  throw usageFailure(
    `"${text}" is not a signing algorithm here`,
    `It is one of: ${assertionAlgorithms.join(', ')}; or default.`,
  )
}

function parseJwksUri(text: string): string {
  if (URL.canParse(text)) return text
  throw usageFailure(`"${text}" is not a URL`, 'It looks like https://billing.example.com/jwks.json.')
}

/** Seconds; null: back to what the server decides. */
export function parseLifetime(text: string): number | null {
  if (text === 'default') return null
  const seconds = parseDurationSeconds(text)
  if (seconds) return seconds
  throw usageFailure(
    `"${text}" is not a lifetime`,
    'It is a number of seconds, such as 600, or 10m, 1h, or default.',
  )
}
