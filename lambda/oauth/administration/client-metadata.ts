import * as v from 'valibot'
import { maxAccessTokenLength } from '../access-token.ts'
import { maxAccessTokenLifetimeSeconds, minAccessTokenLifetimeSeconds } from '../access-token-claims.ts'
import { type ResourceGrant, type TokenEndpointAuthMethod, tokenEndpointAuthMethods } from '../client.ts'
import { isResourceIndicator } from '../resource-indicator.ts'
import { parseScope } from '../scope.ts'
import { AdministrationError } from './administration-error.ts'

/** What an operator decides about a client (RFC 7591 §2 names, and `grants`). */
export interface ClientMetadata {
  readonly clientName: string
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod
  readonly grants: readonly ResourceGrant[]
  readonly accessTokenLifetimeSeconds: number | undefined
}

const maxGrants = 50

/** What a token has beside its audience and scope: header, signature and the other claims, in characters of the token. */
const otherTokenParts = 1500

const lifetimeRule = `access_token_lifetime must be whole seconds from ${minAccessTokenLifetimeSeconds} to ${maxAccessTokenLifetimeSeconds}`

const grantTypesRule = 'grant_types must be ["client_credentials"]'
const clientIdRule = 'client_id must be the one in the path'
const versionRule = 'version is required: the one that was read'

const clientName = v.pipe(
  v.string('client_name is required: a string of 1 to 100 characters'),
  v.trim(),
  v.regex(
    /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u,
    'client_name must have 1 to 100 characters, none of them a control character',
  ),
)

/** A member that is missing is named; an unknown one, which may be anything, is not. */
const membersRule =
  (rule: string) =>
  (issue: v.StrictObjectIssue): string =>
    /^"[a-z_]+"$/.test(issue.expected ?? '') ? `${issue.expected?.replaceAll('"', '')} is required` : rule

const members = 'client_name, grants, token_endpoint_auth_method and access_token_lifetime, and nothing else'

const grant = v.strictObject(
  {
    resource: v.pipe(
      v.string('grants: resource is required'),
      v.check(
        isResourceIndicator,
        'grants: resource must be an absolute URI without a fragment (RFC 8707 §2), in its normal spelling, of at most 512 characters',
      ),
    ),
    scope: v.pipe(
      v.string('grants: scope is required'),
      v.transform(parseScope),
      v.check(
        scope => scope !== undefined,
        'grants: scope must be scope tokens separated by single spaces (RFC 6749 §3.3)',
      ),
      v.transform(scope => scope ?? []),
    ),
  },
  membersRule('grants must be objects of exactly resource and scope'),
)

const grants = v.pipe(
  v.array(grant, 'grants is required: a list of {"resource", "scope"}'),
  v.minLength(1, 'grants must have at least one entry'),
  v.maxLength(maxGrants, `grants must have at most ${maxGrants} entries`),
  v.check(
    list => new Set(list.map(entry => entry.resource)).size === list.length,
    'grants must name each resource once: put all of its scopes into one entry',
  ),
  v.check(
    list => list.every(fitsIntoToken),
    'grants: a token with all scopes of one resource would be too long for an HTTP header',
  ),
)

const authMethod = v.picklist(
  tokenEndpointAuthMethods,
  `token_endpoint_auth_method must be one of ${tokenEndpointAuthMethods.join(', ')}`,
)

const metadata = {
  client_name: clientName,
  grants,
  access_token_lifetime: v.optional(
    v.pipe(
      v.number(lifetimeRule),
      v.integer(lifetimeRule),
      v.minValue(minAccessTokenLifetimeSeconds, lifetimeRule),
      v.maxValue(maxAccessTokenLifetimeSeconds, lifetimeRule),
    ),
  ),
  grant_types: v.optional(
    v.pipe(
      v.array(v.string(grantTypesRule), grantTypesRule),
      v.check(list => list.length === 1 && list[0] === 'client_credentials', grantTypesRule),
    ),
  ),
}

const registration = v.strictObject(
  { ...metadata, token_endpoint_auth_method: v.optional(authMethod, 'client_secret_basic') },
  membersRule(`the client metadata must be an object of ${members}`),
)

/** A full replacement: what may be left out at registration, but for the lifetime, may not be here (RFC 7592 §2.2). */
const update = v.strictObject(
  {
    ...metadata,
    token_endpoint_auth_method: authMethod,
    client_id: v.optional(v.string(clientIdRule)),
    version: v.pipe(v.number(versionRule), v.integer(versionRule)),
  },
  membersRule(`an update must be an object of version, ${members}`),
)

/** Whether a token for everything in this grant stays under what the gateway lets through (8 KiB). */
function fitsIntoToken({ resource, scope }: { resource: string; scope: readonly string[] }): boolean {
  return (
    Math.ceil(((resource.length + scope.join(' ').length) * 4) / 3) + otherTokenParts <= maxAccessTokenLength
  )
}

/** Parses the metadata of a new client. @throws AdministrationError `invalid_client_metadata` naming the member */
export function parseRegistration(body: unknown): ClientMetadata {
  return toMetadata(parse(registration, body))
}

/**
 * Parses a full replacement of a client's metadata (RFC 7592 §2.2) and the version that it was made on. The body may
 * repeat the `client_id` of the path, and no other.
 */
export function parseUpdate(body: unknown, clientId: string): ClientMetadata & { readonly version: number } {
  const parsed = parse(update, body)
  if (parsed.client_id !== undefined && parsed.client_id !== clientId) {
    throw new AdministrationError('invalid_client_metadata', clientIdRule)
  }
  return { ...toMetadata(parsed), version: parsed.version }
}

function parse<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, body, { abortEarly: true })
  if (result.success) return result.output
  // Every rule above has words of its own, so that no message of the library, which would quote the input, gets out.
  throw new AdministrationError('invalid_client_metadata', result.issues[0].message)
}

function toMetadata(parsed: v.InferOutput<typeof registration>): ClientMetadata {
  return {
    clientName: parsed.client_name,
    tokenEndpointAuthMethod: parsed.token_endpoint_auth_method,
    grants: parsed.grants,
    accessTokenLifetimeSeconds: parsed.access_token_lifetime,
  }
}
