import * as v from 'valibot'
import { type ResourceGrant, type TokenEndpointAuthMethod, tokenEndpointAuthMethods } from '../client.ts'
import { type ClientKey, parseClientJwks } from '../client-keys.ts'
import { isJwksUri } from '../jwks-uri.ts'
import { type JwsAlgorithm, jwsAlgorithms } from '../public-key.ts'
import { parseScope } from '../scope.ts'
import { AdministrationError } from './administration-error.ts'
import {
  accessTokenLifetime,
  fitsIntoToken,
  membersRule,
  parseWith,
  resourceIndicator,
  version,
} from './metadata-rules.ts'

/** What an operator decides about a client (RFC 7591 §2 names, `grants` and `resource_server`). */
export interface ClientMetadata {
  readonly clientName: string
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod
  readonly grants: readonly ResourceGrant[]
  readonly accessTokenLifetimeSeconds: number | undefined
  /** `private_key_jwt` has either the keys themselves or where they are. */
  readonly jwks: readonly ClientKey[] | undefined
  readonly jwksUri: string | undefined
  readonly tokenEndpointAuthSigningAlg: JwsAlgorithm | undefined
  /** The audience that this client is the resource server of. */
  readonly resourceServer: string | undefined
}

const maxGrants = 50

const grantTypesRule = 'grant_types must be ["client_credentials"]'
const clientIdRule = 'client_id must be the one in the path'
const jwksUriRule =
  'jwks_uri must be an https URL of a public host, without user, port or fragment, of at most 512 characters'
const signingAlgRule = `token_endpoint_auth_signing_alg must be one of ${jwsAlgorithms.join(', ')}`

const clientName = v.pipe(
  v.string('client_name is required: a string of 1 to 100 characters'),
  v.trim(),
  v.regex(
    /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u,
    'client_name must have 1 to 100 characters, none of them a control character',
  ),
)

const members =
  'client_name, grants, resource_server, token_endpoint_auth_method, token_endpoint_auth_signing_alg, jwks, jwks_uri and access_token_lifetime, and nothing else'

const grant = v.strictObject(
  {
    resource: resourceIndicator('grants: resource'),
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
  v.maxLength(maxGrants, `grants must have at most ${maxGrants} entries`),
  v.check(
    list => new Set(list.map(entry => entry.resource)).size === list.length,
    'grants must name each resource once: put all of its scopes into one entry',
  ),
  v.check(
    list => list.every(({ resource, scope }) => fitsIntoToken(resource, scope)),
    'grants: a token with all scopes of one resource would be too long for an HTTP header',
  ),
)

const authMethod = v.picklist(
  tokenEndpointAuthMethods,
  `token_endpoint_auth_method must be one of ${tokenEndpointAuthMethods.join(', ')}`,
)

const metadata = {
  client_name: clientName,
  grants: v.optional(grants, []),
  access_token_lifetime: accessTokenLifetime,
  grant_types: v.optional(
    v.pipe(
      v.array(v.string(grantTypesRule), grantTypesRule),
      v.check(list => list.length === 1 && list[0] === 'client_credentials', grantTypesRule),
    ),
  ),
  token_endpoint_auth_signing_alg: v.optional(v.picklist(jwsAlgorithms, signingAlgRule)),
  jwks: v.optional(v.unknown()),
  jwks_uri: v.optional(v.string(jwksUriRule)),
  resource_server: v.optional(resourceIndicator('resource_server')),
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
    version,
  },
  membersRule(`an update must be an object of version, ${members}`),
)

/**
 * Parses the metadata of a new client.
 *
 * @param jwksUriAllow an origin that a `jwks_uri` may have whatever it is: the local run's only
 * @throws AdministrationError `invalid_client_metadata` naming the member
 */
export function parseRegistration(body: unknown, jwksUriAllow?: string): ClientMetadata {
  return toMetadata(parseWith(registration, body, 'invalid_client_metadata'), jwksUriAllow)
}

/**
 * Parses a full replacement of a client's metadata (RFC 7592 §2.2) and the version that it was made on. The body may
 * repeat the `client_id` of the path, and no other.
 */
export function parseUpdate(
  body: unknown,
  clientId: string,
  jwksUriAllow?: string,
): ClientMetadata & { readonly version: number } {
  const parsed = parseWith(update, body, 'invalid_client_metadata')
  if (parsed.client_id !== undefined && parsed.client_id !== clientId) refuse(clientIdRule)
  return { ...toMetadata(parsed, jwksUriAllow), version: parsed.version }
}

function toMetadata(
  parsed: v.InferOutput<typeof registration>,
  jwksUriAllow: string | undefined,
): ClientMetadata {
  if (parsed.grants.length === 0 && parsed.resource_server === undefined) {
    refuse('grants must have at least one entry; only a client with resource_server may have none')
  }
  return {
    clientName: parsed.client_name,
    tokenEndpointAuthMethod: parsed.token_endpoint_auth_method,
    grants: parsed.grants,
    accessTokenLifetimeSeconds: parsed.access_token_lifetime,
    resourceServer: parsed.resource_server,
    ...keySource(parsed, jwksUriAllow),
  }
}

/** RFC 7591 §2: `jwks` and `jwks_uri` exclude each other; a client of another method has neither. */
function keySource(
  parsed: v.InferOutput<typeof registration>,
  jwksUriAllow: string | undefined,
): Pick<ClientMetadata, 'jwks' | 'jwksUri' | 'tokenEndpointAuthSigningAlg'> {
  const { jwks, jwks_uri: jwksUri, token_endpoint_auth_signing_alg: algorithm } = parsed
  const none = { jwks: undefined, jwksUri: undefined, tokenEndpointAuthSigningAlg: undefined }
  if (parsed.token_endpoint_auth_method !== 'private_key_jwt') {
    if (jwks === undefined && jwksUri === undefined && algorithm === undefined) return none
    refuse('jwks, jwks_uri and token_endpoint_auth_signing_alg belong to private_key_jwt only')
  }
  if ((jwks === undefined) === (jwksUri === undefined)) {
    refuse('private_key_jwt needs exactly one of jwks and jwks_uri')
  }
  if (jwksUri !== undefined) {
    if (!isJwksUri(jwksUri, jwksUriAllow)) refuse(jwksUriRule)
    return { ...none, jwksUri, tokenEndpointAuthSigningAlg: algorithm }
  }
  const keys = parseClientJwks(jwks, algorithm)
  if (typeof keys === 'string') refuse(keys)
  const [first] = keys
  if (keys.some(key => key.algorithm !== first?.algorithm)) {
    refuse('jwks: the keys are of several algorithms: a client has one')
  }
  return { ...none, jwks: keys, tokenEndpointAuthSigningAlg: first?.algorithm }
}

function refuse(rule: string): never {
  throw new AdministrationError('invalid_client_metadata', rule)
}
