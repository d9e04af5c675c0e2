import { policyPath, policyPaths, type RestRoute, restRoutes } from './rest-routes.ts'
import { type Overlap, overlapOf } from './route-overlap.ts'
import { type RouteTable, satisfies } from './route-table.ts'

/** What API Gateway lets a caller invoke, as an IAM policy. */
export interface InvokePolicy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly InvokeStatement[]
}

interface InvokeStatement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: 'execute-api:Invoke'
  readonly Resource: readonly string[]
}

/** API Gateway takes no longer resource in an authorizer's policy, in characters. */
const longestPolicyResource = 512

interface OverlappedRoute {
  readonly route: RestRoute
  readonly overlap: Overlap
}

/**
 * The policies of one REST API. API Gateway repeats a policy for every request with the same token, whatever its
 * route: so it lists all routes that the token's scope allows, and denies each of the others that the list would reach.
 */
export class InvokePolicies {
  readonly #routes: readonly OverlappedRoute[]

  constructor(table: RouteTable) {
    this.#routes = overlappedRoutes(table)
  }

  /**
   * @param stageArn `arn:aws:execute-api:<region>:<account>:<api>/<stage>/`
   * @param refused the ARN of the request, where it is refused: denied by name, however API Gateway spells it
   */
  policy(granted: readonly string[], stageArn: string, refused?: string): InvokePolicy {
    const isAllowed = (route: RestRoute) => satisfies(granted, route.requirement)
    const allowed = this.#routes.filter(({ route }) => isAllowed(route))
    const denied = new Set(
      allowed.flatMap(({ overlap }) => [...overlap.routes]).filter(each => !isAllowed(each)),
    )
    const slashes = allowed
      .filter(({ overlap }) => [...overlap.atSlash].some(each => !isAllowed(each)))
      .map(({ route }) => policyPath(route).slice(0, -1))
    const arns = (paths: readonly string[]) => paths.map(path => `${stageArn}${path}`)
    const byName = refused === undefined ? [] : [asPolicyResource(refused)]
    return {
      Version: '2012-10-17',
      Statement: [
        ...statement('Allow', arns(allowed.flatMap(({ route }) => policyPaths(route)))),
        ...statement('Deny', [...arns([...[...denied].flatMap(policyPaths), ...slashes]), ...byName]),
      ],
    }
  }
}

/**
 * The resource of a policy that is about this ARN, whatever a caller put into its path: a `*` there must not deny other
 * requests, and `${…}`, which is a variable in a policy, must not deny none. Of an ARN too long for a policy its
 * beginning counts.
 */
function asPolicyResource(arn: string): string {
  const literal = arn.replaceAll(/[*$]/g, '?')
  return literal.length > longestPolicyResource ? `${literal.slice(0, longestPolicyResource - 1)}*` : literal
}

function statement(Effect: 'Allow' | 'Deny', Resource: readonly string[]): readonly InvokeStatement[] {
  return Resource.length === 0 ? [] : [{ Effect, Action: 'execute-api:Invoke', Resource }]
}

function overlappedRoutes(table: RouteTable): readonly OverlappedRoute[] {
  const routes = restRoutes(table)
  return routes.map(route => ({
    route,
    overlap: overlapOf(
      route,
      routes.filter(({ method }) => method === route.method),
    ),
  }))
}

/** Route keys of which no policy can allow one and deny the other. */
export interface InseparableRoutes {
  readonly allowed: string
  readonly denied: string
}

/**
 * The routes that a policy cannot tell apart where some token needs it to: allowing `GET /{proxy+}` without
 * `GET /admin/{id}` takes a denial of `GET/admin/*`, which hits `GET /admin/1/2`, a request to the former.
 */
export function inseparableRoutes(table: RouteTable): readonly InseparableRoutes[] {
  const routes = overlappedRoutes(table)
  const found = new Map<string, InseparableRoutes>()
  for (const { route: denied, overlap } of routes) {
    const reaching = routes.filter(each => each.overlap.routes.has(denied)).map(({ route }) => route)
    for (const hit of overlap.routes) {
      const pair = { allowed: hit.routeKey, denied: denied.routeKey }
      if (reaching.some(route => canHold([route, hit], denied)))
        found.set(`${pair.allowed} ${pair.denied}`, pair)
    }
  }
  return [...found.values()]
}

/** Whether some scope allows all of `allowed` and not `denied`. */
function canHold(allowed: readonly RestRoute[], { requirement }: RestRoute): boolean {
  const everything = allowed.flatMap(route => route.requirement.allOf ?? route.requirement.anyOf)
  const missing: readonly (readonly string[])[] =
    requirement.allOf === undefined ? [requirement.anyOf] : requirement.allOf.map(scope => [scope])
  return missing.some(without => {
    const granted = everything.filter(scope => !without.includes(scope))
    return allowed.every(route => satisfies(granted, route.requirement))
  })
}

/** The routes that no policy can name: their resource would be longer than API Gateway takes. */
export function unnameableRoutes(table: RouteTable, stageArn: string): readonly string[] {
  const routes = restRoutes(table).filter(
    route => stageArn.length + policyPath(route).length >= longestPolicyResource,
  )
  return [...new Set(routes.map(({ routeKey }) => routeKey))]
}

/** The most octets that a policy of this table can have: each route is either allowed or denied. */
export function largestPolicyOctets(table: RouteTable, stageArn: string): number {
  const paths = restRoutes(table).flatMap(route => {
    const named = policyPaths(route)
    return named.length === 1 ? [...named, ...named] : named
  })
  const arns = paths.map(path => `${stageArn}${path}`)
  const statements = [...statement('Allow', arns), ...statement('Deny', ['x'.repeat(longestPolicyResource)])]
  return Buffer.byteLength(JSON.stringify({ Version: '2012-10-17', Statement: statements }))
}
