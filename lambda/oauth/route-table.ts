import { isScopeToken } from './scope.ts'

/** What a route needs of a token's scope: all of some scopes, or any one of some. */
export type ScopeRequirement =
  | { readonly allOf: readonly string[]; readonly anyOf?: never }
  | { readonly anyOf: readonly string[]; readonly allOf?: never }

/** Route key (`GET /orders/{id}`) to requirement. A route that is not in it is refused. */
export type RouteTable = ReadonlyMap<string, ScopeRequirement>

/**
 * Parses the route table that was staged with the function's code.
 *
 * @throws Error when it is not a table: a function that does not know its routes must not start
 */
export function parseRouteTable(json: string): RouteTable {
  const table: unknown = JSON.parse(json)
  if (typeof table !== 'object' || table === null || Array.isArray(table))
    throw new Error('routes.json is not an object')
  return new Map(
    Object.entries(table).map(([routeKey, entry]) => [
      routeKey,
      parseScopeRequirement(`routes.json: ${routeKey}`, entry),
    ]),
  )
}

/**
 * Parses what somebody wrote down as needed.
 *
 * @param where begins the error's message
 * @throws Error when it is not exactly one list of scope tokens (RFC 6749 §3.3): an empty one would let everybody in
 */
export function parseScopeRequirement(where: string, entry: unknown): ScopeRequirement {
  const { allOf, anyOf, ...others } = (entry ?? {}) as Record<string, unknown>
  const exact = Object.keys(others).length === 0 && (allOf === undefined) !== (anyOf === undefined)
  // Copies: whoever wrote the list may change it later.
  if (exact && isScopeList(allOf)) return { allOf: [...allOf] }
  if (exact && isScopeList(anyOf)) return { anyOf: [...anyOf] }
  throw new Error(`${where} needs a list of scopes, one an item, in exactly one of allOf and anyOf`)
}

function isScopeList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    // `every` alone passes over holes.
    Array.from(value).every(item => typeof item === 'string' && isScopeToken(item))
  )
}

export function satisfies(granted: readonly string[], requirement: ScopeRequirement): boolean {
  return requirement.allOf === undefined
    ? requirement.anyOf.some(scope => granted.includes(scope))
    : requirement.allOf.every(scope => granted.includes(scope))
}
