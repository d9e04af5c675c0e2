import * as v from 'valibot'
import { isScopeToken } from '../scope.ts'
import {
  accessTokenLifetime,
  fitsIntoToken,
  membersRule,
  parseWith,
  resourceIndicator,
  version,
} from './metadata-rules.ts'
import type { RegisteredScope } from './resource-server-record.ts'

/** What an operator decides about a resource server. */
export interface ResourceServerMetadata {
  readonly scopes: readonly RegisteredScope[]
  readonly accessTokenLifetimeSeconds: number | undefined
}

const maxScopes = 200

const descriptionRule =
  'scopes: description must be text of at most 200 characters without control characters'

const registeredScope = v.strictObject(
  {
    scope: v.pipe(
      v.string('scopes: scope is required'),
      v.maxLength(128, 'scopes: scope must have at most 128 characters'),
      v.check(isScopeToken, 'scopes: scope must be one scope token (RFC 6749 §3.3)'),
    ),
    description: v.optional(
      v.pipe(v.string(descriptionRule), v.regex(/^[^\p{C}\p{Zl}\p{Zp}]{0,200}$/u, descriptionRule)),
      '',
    ),
  },
  membersRule('scopes must be objects of scope and description'),
)

const metadata = {
  scopes: v.pipe(
    v.array(registeredScope, 'scopes is required: a list of {"scope", "description"}'),
    v.minLength(1, 'scopes must have at least one entry'),
    v.maxLength(maxScopes, `scopes must have at most ${maxScopes} entries`),
    v.check(
      list => new Set(list.map(entry => entry.scope)).size === list.length,
      'scopes must name each scope once',
    ),
  ),
  access_token_lifetime: accessTokenLifetime,
}

const registration = v.pipe(
  v.strictObject(
    { audience: resourceIndicator('audience'), ...metadata },
    membersRule('a resource server must be an object of audience, scopes and access_token_lifetime'),
  ),
  v.check(
    ({ audience, scopes }) =>
      fitsIntoToken(
        audience,
        scopes.map(entry => entry.scope),
      ),
    'scopes: a token with all of them would be too long for an HTTP header',
  ),
)

/** A full replacement. The body may repeat the audience of the path, and no other. */
const update = v.strictObject(
  { ...metadata, audience: v.optional(v.string('audience must be the one in the path')), version },
  membersRule('an update must be an object of version, scopes and access_token_lifetime'),
)

/** @throws AdministrationError `invalid_resource_server` naming the member */
export function parseResourceServer(body: unknown): ResourceServerMetadata & { readonly audience: string } {
  const { audience, ...parsed } = parseWith(registration, body, 'invalid_resource_server')
  return { audience, ...toMetadata(parsed) }
}

/** Parses a full replacement and the version that it was made on. @throws as `parseResourceServer` */
export function parseResourceServerUpdate(
  body: unknown,
  audience: string,
): ResourceServerMetadata & { readonly version: number } {
  const parsed = parseWith(
    v.pipe(
      update,
      v.check(
        given => given.audience === undefined || given.audience === audience,
        'audience must be the one in the path',
      ),
      v.check(
        given =>
          fitsIntoToken(
            audience,
            given.scopes.map(entry => entry.scope),
          ),
        'scopes: a token with all of them would be too long for an HTTP header',
      ),
    ),
    body,
    'invalid_resource_server',
  )
  return { ...toMetadata(parsed), version: parsed.version }
}

function toMetadata(parsed: {
  scopes: readonly RegisteredScope[]
  access_token_lifetime?: number | undefined
}): ResourceServerMetadata {
  return { scopes: parsed.scopes, accessTokenLifetimeSeconds: parsed.access_token_lifetime }
}
