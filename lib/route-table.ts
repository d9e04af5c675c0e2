import { CfnRoute, type IHttpRoute } from 'aws-cdk-lib/aws-apigatewayv2'
import type { ScopeRequirement } from '../lambda/oauth/route-table.ts'

interface RouteEntry {
  readonly route: IHttpRoute
  readonly requirement: ScopeRequirement
}

/**
 * The routes of one API that use one authorizer, with what each needs. It fills up until synthesis: a route may be
 * added late, by another stack or by an aspect.
 */
export class RouteTableBuilder {
  readonly #entries: RouteEntry[] = []

  add(route: IHttpRoute, requirement: ScopeRequirement): void {
    this.#entries.push({ route, requirement })
  }

  /** Every scope that a route needs, once. */
  scopes(): readonly string[] {
    const scopes = this.#entries.flatMap(({ requirement }) => requirement.allOf ?? requirement.anyOf)
    return [...new Set(scopes)]
  }

  has(route: CfnRoute): boolean {
    return this.#entries.some(entry => entry.route.node.defaultChild === route)
  }

  /**
   * The content of `routes.json`: route keys in order, so that the same routes are the same file on every machine.
   *
   * @throws Error when two routes have the same key
   */
  toJson(): string {
    const table = new Map<string, ScopeRequirement>()
    for (const { route, requirement } of this.#entries) {
      const key = routeKeyOf(route)
      if (table.has(key)) {
        throw new Error(`route "${key}" is on ${route.httpApi.node.path} twice: remove one of the two`)
      }
      table.set(key, requirement)
    }
    const inOrder = [...table].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return JSON.stringify(Object.fromEntries(inOrder))
  }
}

/** Read at synthesis from the resource itself, which does not exist yet when the authorizer is attached. */
function routeKeyOf(route: IHttpRoute): string {
  const resource = route.node.defaultChild
  if (!(resource instanceof CfnRoute)) {
    throw new Error(
      `route ${route.node.path} has no AWS::ApiGatewayV2::Route: attach the authorizer to an HttpRoute`,
    )
  }
  return resource.routeKey
}
