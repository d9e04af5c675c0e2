/**
 * A REST API as its documentation has it, written without a look at the product: a tree of resources, and policies
 * of IAM evaluated character by character.
 */
export interface ModelRequest {
  readonly method: string
  /** As it is sent, without the stage. */
  readonly path: string
}

/** The route key that gets the request: literal parts first, then `{x}`, then `{x+}`. Undefined: no resource has it. */
export function routeOf(routeKeys: readonly string[], { method, path }: ModelRequest): string | undefined {
  const sent = path.replace(/\/$/, '').split('/').slice(1)
  const candidates = routeKeys
    .map(key => ({
      key,
      verb: key.split(' ')[0] ?? '',
      parts: (key.split(' ')[1] ?? '').slice(1).split('/'),
    }))
    .map(each => (each.parts[0] === '' ? { ...each, parts: [] } : each))
    .filter(({ verb }) => verb === method || verb === 'ANY')
    .filter(({ parts }) => fits(parts, sent))
  candidates.sort((a, b) => comparePaths(a.parts, b.parts) || (a.verb === 'ANY' ? 1 : -1))
  return candidates[0]?.key
}

function fits([part, ...rest]: readonly string[], [sent, ...others]: readonly string[]): boolean {
  if (part === undefined) return sent === undefined
  if (sent === undefined || sent === '') return false
  if (part.includes('+')) return true
  return (part.startsWith('{') || part === sent) && fits(rest, others)
}

function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = weight(a[index]) - weight(b[index])
    if (difference !== 0) return difference
  }
  return 0
}

function weight(part: string | undefined): number {
  if (part === undefined || !part.startsWith('{')) return 0
  return part.includes('+') ? 2 : 1
}

interface ModelStatement {
  readonly Effect: string
  readonly Action: string
  readonly Resource: readonly string[]
}

/** IAM's rule: something allows and nothing denies. */
export function lets(policy: { readonly Statement: readonly ModelStatement[] }, arn: string): boolean {
  const says = (effect: string) =>
    policy.Statement.some(
      ({ Effect, Resource }) => Effect === effect && Resource.some(pattern => glob(pattern, arn)),
    )
  return says('Allow') && !says('Deny')
}

/** Two pointers and one place to go back to, as globs have been matched since there were globs. */
function glob(pattern: string, text: string): boolean {
  let [at, star, resume] = [0, -1, 0]
  let index = 0
  while (index < text.length) {
    if (pattern[at] === '*') {
      star = at++
      resume = index
    } else if (pattern[at] === text[index] || pattern[at] === '?') {
      at++
      index++
    } else if (star >= 0) {
      at = star + 1
      index = ++resume
    } else return false
  }
  return [...pattern.slice(at)].every(rest => rest === '*')
}
