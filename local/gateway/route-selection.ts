/** What a route key says, taken apart: `GET /orders/{id}`, `ANY /files/{proxy+}`, `$default`. */
export interface RoutePattern {
  routeKey: string
  /** An HTTP method, `ANY`, or `undefined` for `$default`. */
  method: string | undefined
  /** The path as the route key has it, or `$default`. */
  path: string
  segments: readonly Segment[]
}

type Segment =
  | { kind: 'literal'; text: string }
  | { kind: 'parameter'; name: string }
  | { kind: 'greedy'; name: string }

/** The chosen route and what its path variables stand for, percent-decoded. */
export interface SelectedRoute<Route> {
  route: Route
  pathParameters: Record<string, string> | undefined
}

/** The methods that a route of an HTTP API can have; `ANY` stands for these. */
export const routeMethods: readonly string[] = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

/** @throws where it is no route key of an HTTP API */
export function parseRouteKey(routeKey: string): RoutePattern {
  if (routeKey === '$default') return { routeKey, method: undefined, path: routeKey, segments: [] }
  const [, method, path] = /^([A-Z]+) (\/\S*)$/.exec(routeKey) ?? []
  if (method === undefined || path === undefined || !(method === 'ANY' || routeMethods.includes(method)))
    throw new Error(`route key "${routeKey}" is not one of an HTTP API`)
  const segments = path.slice(1).split('/').map(parseSegment)
  if (segments.slice(0, -1).some(segment => segment.kind === 'greedy'))
    throw new Error(`route key "${routeKey}": a greedy variable must come last`)
  return { routeKey, method, path, segments }
}

function parseSegment(text: string): Segment {
  const [, name, plus] = /^\{([^{}+]+)(\+?)\}$/.exec(text) ?? []
  if (name === undefined) return { kind: 'literal', text }
  return { kind: plus === '+' ? 'greedy' : 'parameter', name }
}

/**
 * Sorts routes so that the first one that matches a request is the one API Gateway chooses: a match of the
 * whole path before a greedy one, that before `$default`; a literal segment before a variable; the exact
 * method before `ANY`.
 */
export function bySpecificity<Route extends RoutePattern>(routes: readonly Route[]): Route[] {
  return routes
    .map(route => ({ route, rank: rankOf(route) }))
    .sort((left, right) => (left.rank < right.rank ? -1 : left.rank > right.rank ? 1 : 0))
    .map(({ route }) => route)
}

// Characters in ascending order of preference given: the comparison is that of two strings.
function rankOf(route: RoutePattern): string {
  if (route.method === undefined) return '9'
  const greedy = route.segments.some(segment => segment.kind === 'greedy')
  const path = route.segments.map(segment => ({ literal: 'a', parameter: 'b', greedy: 'c' })[segment.kind])
  return `${greedy ? '2' : '1'}${path.join('')}${route.method === 'ANY' ? 'z' : 'y'}`
}

/**
 * Chooses among routes sorted by specificity. A path that exists only under other methods matches nothing.
 *
 * @param path the path as it was sent, without a stage's prefix
 */
export function selectRoute<Route extends RoutePattern>(
  routes: readonly Route[],
  method: string,
  path: string,
): SelectedRoute<Route> | undefined {
  const segments = path.slice(1).split('/')
  for (const route of routes) {
    if (route.method === undefined) return { route, pathParameters: undefined }
    if (route.method !== method && route.method !== 'ANY') continue
    if (!path.startsWith('/')) continue
    const matched = match(route.segments, segments)
    if (matched !== undefined) return { route, pathParameters: matched === none ? undefined : matched }
  }
  return undefined
}

const none: Record<string, string> = {}

function match(pattern: readonly Segment[], path: readonly string[]): Record<string, string> | undefined {
  const last = pattern.at(-1)
  if (last?.kind === 'greedy' ? path.length < pattern.length : path.length !== pattern.length)
    return undefined
  let parameters = none
  for (const [index, segment] of pattern.entries()) {
    const text = path[index] ?? ''
    if (segment.kind === 'literal') {
      if (segment.text !== text) return undefined
      continue
    }
    const value = segment.kind === 'greedy' ? path.slice(index).join('/') : text
    // A variable stands for something: `/orders/` is not `/orders/{id}`.
    if (value === '') return undefined
    if (parameters === none) parameters = Object.create(null)
    parameters[segment.name] = decode(value)
  }
  return parameters
}

// A malformed escape is left as it is: what to make of it is the function's business.
function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
