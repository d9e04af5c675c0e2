import { isJwksUri } from '../lambda/oauth/jwks-uri.ts'
import { endpointPaths } from '../lambda/oauth/metadata.ts'
import { isResourceIndicator } from '../lambda/oauth/resource-indicator.ts'
import type {
  GuardOptions,
  IntrospectionOptions,
  JwksOptions,
  RevocationsTableOptions,
  SigningKeysTableOptions,
} from './guard-options.ts'

/** Options that can be used, with every default filled in. */
export interface CheckedOptions extends Omit<GuardOptions, 'keys' | 'revocations'> {
  readonly keys: JwksOptions | SigningKeysTableOptions
  readonly revocations: Required<RevocationsTableOptions> | Required<IntrospectionOptions> | 'none'
}

const defaultShards = 4
const defaultDelaySeconds = 5
const defaultGraceSeconds = 60

/**
 * Types do not hold for what comes from JavaScript or from the environment: a guard whose options are not understood to
 * the last one must not be made.
 *
 * @throws TypeError naming the option, what it must be, and what to do
 */
export function checkOptions(options: GuardOptions): CheckedOptions {
  const {
    issuer,
    audience,
    keys,
    revocations,
    dynamoDb,
    realm,
    resourceMetadata,
    onDecision,
    log,
    ...others
  } = membersOf('', options)
  refuseOthers('', others)
  const checkedIssuer = checkIssuer(issuer)
  checkFunction('onDecision', onDecision)
  checkFunction('log', log)
  return {
    issuer: checkedIssuer,
    audience: checkAudience(audience),
    keys: checkKeys(keys, checkedIssuer),
    revocations: checkRevocations(revocations, checkedIssuer),
    ...(dynamoDb === undefined ? {} : { dynamoDb: membersOf('dynamoDb', dynamoDb) }),
    ...(realm === undefined ? {} : { realm: checkRealm(realm) }),
    ...(resourceMetadata === undefined
      ? {}
      : { resourceMetadata: checkUrl('resourceMetadata', resourceMetadata) }),
    onDecision: onDecision as GuardOptions['onDecision'],
    log: log as GuardOptions['log'],
  }
}

function checkIssuer(issuer: unknown): string {
  const text = checkUrl('issuer', issuer)
  // RFC 8414 §2. The endpoints are its text with a path after it.
  if (/[?#]|\/$/.test(text))
    return fail('issuer', 'must have no query, fragment or slash at its end (RFC 8414 §2)', text)
  return text
}

function checkAudience(audience: unknown): string {
  if (typeof audience === 'string' && isResourceIndicator(audience)) return audience
  const rule =
    'must be an absolute URI without a fragment (RFC 8707 §2), such as "https://orders.example.com"'
  return fail('audience', rule, audience)
}

function checkRealm(realm: unknown): string {
  if (typeof realm === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm)) return realm
  return fail('realm', 'must be printable ASCII without quotes and backslashes', realm)
}

function checkKeys(keys: unknown, issuer: string): CheckedOptions['keys'] {
  if (keys === undefined) return { jwksUri: issuer + endpointPaths.jwks }
  const { jwksUri, table, ring, ...others } = membersOf('keys', keys)
  refuseOthers('keys', others)
  if ((jwksUri === undefined) === (table === undefined))
    return fail('keys', 'must have exactly one of jwksUri and table: where are the public keys?')
  if (jwksUri === undefined) return { table: text('keys.table', table), ring: text('keys.ring', ring) }
  if (ring !== undefined) return fail('keys.ring', 'is for a table: remove it')
  return { jwksUri: checkUrl('keys.jwksUri', jwksUri) }
}

function checkRevocations(revocations: unknown, issuer: string): CheckedOptions['revocations'] {
  if (revocations === 'none') return revocations
  const members = typeof revocations === 'object' ? membersOf('revocations', revocations) : {}
  if ((members.table === undefined) === (members.clientId === undefined)) {
    const rule =
      "must be a table's name, a client that introspects, or 'none': say how the guard hears of a revocation, or that it need not"
    return fail('revocations', rule)
  }
  return members.table === undefined ? checkIntrospection(members, issuer) : checkTable(members)
}

function checkTable(members: Record<string, unknown>): Required<RevocationsTableOptions> {
  const { table, shards, maxRevocationDelaySeconds, revocationOutageGraceSeconds, ...others } = members
  refuseOthers('revocations', others)
  const delay = checkDelay(maxRevocationDelaySeconds)
  const grace = 'revocations.revocationOutageGraceSeconds'
  if (delay === 0 && revocationOutageGraceSeconds !== undefined)
    return fail(grace, 'must not be set with a delay of 0: there is no snapshot to decide by')
  return {
    table: text('revocations.table', table),
    shards: wholeNumber('revocations.shards', shards ?? defaultShards, 1, 16),
    maxRevocationDelaySeconds: delay,
    revocationOutageGraceSeconds:
      delay === 0 ? 0 : wholeNumber(grace, revocationOutageGraceSeconds ?? defaultGraceSeconds, 0, 3600),
  }
}

function checkIntrospection(
  members: Record<string, unknown>,
  issuer: string,
): Required<IntrospectionOptions> {
  const { clientId, clientSecret, introspectionEndpoint, maxRevocationDelaySeconds, ...others } = members
  refuseOthers('revocations', others)
  if (typeof clientSecret !== 'function' && (typeof clientSecret !== 'string' || clientSecret === ''))
    return fail('revocations.clientSecret', 'must be the secret of the client, or a function that gives it')
  return {
    clientId: text('revocations.clientId', clientId),
    clientSecret: clientSecret as IntrospectionOptions['clientSecret'],
    introspectionEndpoint: checkUrl(
      'revocations.introspectionEndpoint',
      introspectionEndpoint ?? issuer + endpointPaths.introspection,
    ),
    maxRevocationDelaySeconds: checkDelay(maxRevocationDelaySeconds),
  }
}

function checkDelay(seconds: unknown): number {
  return wholeNumber('revocations.maxRevocationDelaySeconds', seconds ?? defaultDelaySeconds, 0, 300)
}

/** In the spelling that a URL parser leaves alone, but for the slash of an empty path. */
function checkUrl(option: string, value: unknown): string {
  const rule =
    'must be an https URL as a URL parser writes it, without a user or fragment, of at most 512 characters (http on a loopback address alone)'
  if (typeof value !== 'string' || !URL.canParse(value)) return fail(option, rule, value)
  const url = new URL(value)
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  const isCanonical = isJwksUri(value, url.origin) || isJwksUri(`${value}/`, url.origin)
  if (isSecure && isCanonical) return value
  // What is before the @ may be a password.
  return fail(option, rule, value.includes('@') ? undefined : value)
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

function text(option: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : fail(option, 'must be a text', value)
}

function wholeNumber(option: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value)
  return fail(option, `must be a whole number from ${min} to ${max}`, value)
}

function checkFunction(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') fail(option, 'must be a function', value)
}

function membersOf(option: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  return fail(option === '' ? 'options' : option, 'must be an object', value)
}

/** A misspelled option would be a default that nobody chose. */
function refuseOthers(option: string, others: Record<string, unknown>): void {
  const [name] = Object.keys(others)
  if (name !== undefined)
    fail(option === '' ? name : `${option}.${name}`, 'is no option: remove or rename it')
}

/** No secret is ever shown: only options that are none are passed as `value`. */
function fail(option: string, rule: string, value?: unknown): never {
  const got = value === undefined ? '' : `, got ${JSON.stringify(value)}`
  throw new TypeError(`createGuard: ${option} ${rule}${got}`)
}
