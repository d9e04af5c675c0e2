import { isGreedy, isVariable, type RestRoute } from './rest-routes.ts'

/** Stands for every part of a path that no resource names. */
const other = '\0'

/** The routes that get requests which a policy is about, though it names another route. */
export interface Overlap {
  readonly routes: ReadonlySet<RestRoute>
  /** Those that get only the request with nothing but a trailing slash in the place of the last variable. */
  readonly atSlash: ReadonlySet<RestRoute>
}

/** How far a path has come in the parts of a resource. */
interface Progress {
  readonly route: RestRoute
  readonly at: number
}

/**
 * What a policy that names a route is about besides. Of `GET /orders/{id}` a policy can only say `GET/orders/*`, where
 * `*` stands for any characters: that is `GET /orders/{id}/secret` too, and `GET /orders/`, which is `GET /orders`.
 *
 * Made by going through every path, part by part, as far as paths differ in what they match. Which of two resources
 * gets a request that fits both is not documented in full: a route counts as getting it when any of the known orders of
 * preference says so.
 *
 * @param routes all those of the method
 */
export function overlapOf(named: RestRoute, routes: readonly RestRoute[]): Overlap {
  const reached = { routes: new Set<RestRoute>(), atSlash: new Set<RestRoute>() }
  const visited = new Set<string>()
  const walk = (live: readonly Progress[], matched: readonly number[]): void => {
    const state = `${live.map(({ route, at }) => `${routes.indexOf(route)}.${at}`).join()} ${matched.join()}`
    if (live.length === 0 || matched.length === 0 || visited.has(state)) return
    visited.add(state)
    const takers = takersOf(live)
    if (matched.includes(named.parts.length)) for (const route of takers) reached.routes.add(route)
    if (endsAtSlash(named, matched))
      for (const route of takers) (route.parts.length === 0 ? reached.routes : reached.atSlash).add(route)
    for (const part of nextParts(named, live, matched)) {
      const still = advancePolicy(named, matched, part)
      if (still.length > 0)
        walk(
          live.flatMap(progress => advance(progress, part)),
          still,
        )
    }
  }
  if (named.parts.some(isVariable))
    walk(
      routes.map(route => ({ route, at: 0 })),
      [0],
    )
  reached.routes.delete(named)
  return reached
}

/** The parts that make a difference, and one that makes none. */
function nextParts(
  named: RestRoute,
  live: readonly Progress[],
  matched: readonly number[],
): ReadonlySet<string> {
  const expected = [
    ...live.map(({ route, at }) => route.parts[at]),
    ...matched.map(at => named.parts[Math.floor(at)]),
  ]
  const literals = expected.filter(part => part !== undefined).filter(part => !isVariable(part))
  return new Set([...literals, other])
}

function advance({ route, at }: Progress, part: string): readonly Progress[] {
  const expected = route.parts[at]
  if (expected === undefined) return isGreedy(route.parts.at(-1) ?? '') ? [{ route, at }] : []
  return isVariable(expected) || expected === part ? [{ route, at: at + 1 }] : []
}

/** A `*` takes one part or more: while it may take another, the place is a half past its own. */
function advancePolicy({ parts }: RestRoute, matched: readonly number[], part: string): readonly number[] {
  const next = matched.flatMap(at => {
    const place = Math.floor(at)
    const expected = parts[place]
    if (expected === undefined) return []
    if (isVariable(expected)) return [place + 0.5, place + 1]
    return expected === part ? [place + 1] : []
  })
  return [...new Set(next)].toSorted((a, b) => a - b)
}

/** Whether the path so far, with a slash after it, is matched with nothing for the `*` at the end. */
function endsAtSlash({ parts }: RestRoute, matched: readonly number[]): boolean {
  return isVariable(parts.at(-1) ?? '') && matched.includes(parts.length - 1)
}

/** The routes that may get the path so far. */
function takersOf(live: readonly Progress[]): readonly RestRoute[] {
  const whole = live.filter(({ route, at }) => at === route.parts.length).map(({ route }) => route)
  return [rankByPart, rankByWhole].flatMap(rank => {
    const [first] = whole.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))
    return first === undefined ? [] : [first]
  })
}

// Compared as strings: the first part that differs decides.
function rankByPart({ parts }: RestRoute): string {
  return parts.map(part => (isGreedy(part) ? 'c' : isVariable(part) ? 'b' : 'a')).join('')
}

function rankByWhole(route: RestRoute): string {
  return `${route.parts.some(isGreedy) ? '2' : '1'}${rankByPart(route)}`
}
