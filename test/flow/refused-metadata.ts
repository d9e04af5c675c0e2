import { type Json, orders } from './local-stack.ts'

/** Stands for what a caller typed: it must be in no answer and no log. */
export const canary = 'canary-4711'

const nothingElse =
  'the client metadata must be an object of client_name, grants, resource_server, token_endpoint_auth_method, token_endpoint_auth_signing_alg, jwks, jwks_uri and access_token_lifetime, and nothing else'
const name = 'client_name must have 1 to 100 characters, none of them a control character'
const resource =
  'grants: resource must be an absolute URI without a fragment (RFC 8707 §2), in its normal spelling, of at most 512 characters'
const scope = 'grants: scope must be scope tokens separated by single spaces (RFC 6749 §3.3)'
const lifetime = 'access_token_lifetime must be whole seconds from 60 to 3600'
const method =
  'token_endpoint_auth_method must be one of client_secret_basic, client_secret_post, private_key_jwt'
const manyGrants = Array.from({ length: 51 }, (_, at) => ({
  resource: `https://${at}.example`,
  scope: 'x',
}))
const longScope = Array.from({ length: 400 }, (_, at) => `${canary}-${at}`).join(' ')

/** Metadata that a registration refuses: what is wrong with it, the body, and the description of the refusal. */
export function refusedMetadata(metadata: Json): [string, string, string | RegExp][] {
  const of = (changes: Json) => JSON.stringify({ ...metadata, ...changes })
  const grantOf = (changes: Json) => of({ grants: [{ resource: orders, scope: 'orders:read', ...changes }] })
  return [
    ['no client_name', of({ client_name: undefined }), 'client_name is required'],
    [
      'no grants',
      of({ grants: undefined }),
      'grants must have at least one entry; only a client with resource_server may have none',
    ],
    ['a grant without a resource', grantOf({ resource: undefined }), 'resource is required'],
    ['a grant without a scope', grantOf({ scope: undefined }), 'scope is required'],

    ['an unknown member', of({ [canary]: canary }), nothingElse],
    ['a client_id of its own', of({ client_id: canary }), nothingElse],
    ['a client_secret of its own', of({ client_secret: canary }), nothingElse],
    ['a __proto__', `{"__proto__":{"a":"${canary}"},${of({}).slice(1)}`, nothingElse],
    ['a constructor', of({ constructor: canary }), nothingElse],
    ['everything inside __proto__', `{"__proto__":${of({})}}`, 'client_name is required'],
    ['no body', '', nothingElse],
    ['a null', 'null', nothingElse],
    ['a list', `["${canary}"]`, 'client_name is required'],
    ['a string', `"${canary}"`, nothingElse],
    ['a client_name that is no string', of({ client_name: [canary] }), /^client_name is required/],
    ['an empty client_name', of({ client_name: '' }), name],
    ['a client_name of spaces', of({ client_name: '   ' }), name],
    ['a client_name with a line break', of({ client_name: `${canary}\nx` }), name],
    ['a client_name of 101 characters', of({ client_name: canary.padEnd(101, 'x') }), name],
    [
      'no grant',
      of({ grants: [] }),
      'grants must have at least one entry; only a client with resource_server may have none',
    ],
    ['grants that are no list', of({ grants: { [canary]: 1 } }), /^grants is required: a list/],
    ['51 grants', of({ grants: manyGrants }), 'grants must have at most 50 entries'],
    [
      'a grant that is no object',
      of({ grants: [canary] }),
      'grants must be objects of exactly resource and scope',
    ],
    ['a grant with more', grantOf({ [canary]: 1 }), 'grants must be objects of exactly resource and scope'],
    [
      'the same resource twice',
      of({ grants: [...['orders:read', canary].map(scope => ({ resource: orders, scope }))] }),
      'grants must name each resource once: put all of its scopes into one entry',
    ],
    ['a relative resource', grantOf({ resource: canary }), resource],
    ['a resource in capitals', grantOf({ resource: 'https://ORDERS.example.com' }), resource],
    ['a resource with the default port', grantOf({ resource: `${orders}:443` }), resource],
    ['a script as a resource', grantOf({ resource: `javascript:${canary}` }), resource],
    ['a resource with a fragment', grantOf({ resource: `${orders}#${canary}` }), resource],
    ['a resource with a space', grantOf({ resource: `${orders}/ ${canary}` }), resource],
    ['an empty scope', grantOf({ scope: '' }), scope],
    ['a scope with two spaces', grantOf({ scope: `${canary}  x` }), scope],
    ['a scope with a quote', grantOf({ scope: `${canary}"` }), scope],
    [
      'more scope than a token holds',
      grantOf({ scope: longScope }),
      'grants: a token with all scopes of one resource would be too long for an HTTP header',
    ],
    ['a lifetime of 59 s', of({ access_token_lifetime: 59 }), lifetime],
    ['a lifetime of 3601 s', of({ access_token_lifetime: 3601 }), lifetime],
    ['a lifetime in fractions', of({ access_token_lifetime: 600.5 }), lifetime],
    ['a lifetime as text', of({ access_token_lifetime: '600' }), lifetime],
    ['a null lifetime', of({ access_token_lifetime: null }), lifetime],
    ['the method none', of({ token_endpoint_auth_method: 'none' }), method],
    ['an unknown method', of({ token_endpoint_auth_method: canary }), method],
    ['another grant type', of({ grant_types: [canary] }), 'grant_types must be ["client_credentials"]'],
  ]
}
