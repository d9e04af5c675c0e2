import type { RouteTable, ScopeRequirement } from './route-table.ts'

/** One method of one resource of a REST API. */
export interface RestRoute {
  /** As in the route table: `GET /orders/{id}`, or `ANY /orders/{id}` for each method that the resource has not. */
  readonly routeKey: string
  readonly method: string
  /** The parts of the resource's path: `orders`, `{id}`, `{proxy+}`; none for the root. */
  readonly parts: readonly string[]
  readonly requirement: ScopeRequirement
}

/** The methods that `ANY` stands for. */
const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

/** Every method and resource that a route table is about, each once. */
export function restRoutes(table: RouteTable): readonly RestRoute[] {
  return [...table].flatMap(([routeKey, requirement]) => {
    const [verb = '', path = ''] = routeKey.split(' ')
    const parts = path.split('/').filter(part => part !== '')
    const meant = verb === 'ANY' ? methods.filter(method => !table.has(`${method} ${path}`)) : [verb]
    return meant.map(method => ({ routeKey, method, parts, requirement }))
  })
}

/** The key under which the table has what a request to this method of this resource needs. */
export function restRouteKey(table: RouteTable, method: string, resource: string): string {
  const exact = `${method} ${resource}`
  return table.has(exact) ? exact : `ANY ${resource}`
}

/** Whether a part of a path stands for the rest of it: `{proxy+}`. */
export function isGreedy(part: string): boolean {
  return part.endsWith('+}')
}

/** Whether a part of a path stands for what the client sends: `{id}` or `{proxy+}`. */
export function isVariable(part: string): boolean {
  return part.startsWith('{')
}

/** How a policy names a route, without the ARN up to the stage: each `*` of it stands for any characters, `/` included. */
export function policyPath({ method, parts }: RestRoute): string {
  return `${method}/${parts.map(part => (isVariable(part) ? '*' : part)).join('/')}`
}

/** A trailing slash does not make another resource, so a policy names a route with and without one. */
export function policyPaths(route: RestRoute): readonly string[] {
  const path = policyPath(route)
  return route.parts.length === 0 || path.endsWith('*') ? [path] : [path, `${path}/`]
}
