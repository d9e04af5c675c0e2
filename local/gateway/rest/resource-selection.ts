import type { RestResource } from './definition.ts'

/** The chosen resource and what the variables of its path stand for, percent-decoded. */
export interface SelectedResource {
  resource: RestResource
  pathParameters: Record<string, string> | undefined
}

/**
 * Chooses the resource of a path: a literal part before `{x}`, that before `{x+}`, part by part. One trailing slash
 * makes no difference. Whether the resource has the method plays no part in it.
 *
 * @param path as it was sent, without the stage
 */
export function selectResource(
  resources: readonly RestResource[],
  path: string,
): SelectedResource | undefined {
  const sent = path.replace(/\/$/, '').split('/').slice(1)
  const [resource] = resources
    .filter(({ parts }) => fits(parts, sent))
    .toSorted((a, b) => (rankOf(a) < rankOf(b) ? -1 : 1))
  if (resource === undefined) return undefined
  const variables = resource.parts.flatMap((part, index): [string, string][] => {
    const [, name, greedy] = /^\{(.+?)(\+?)\}$/.exec(part) ?? []
    if (name === undefined) return []
    return [[name, decode(greedy === '+' ? sent.slice(index).join('/') : (sent[index] ?? ''))]]
  })
  return { resource, pathParameters: variables.length === 0 ? undefined : Object.fromEntries(variables) }
}

function fits(parts: readonly string[], sent: readonly string[]): boolean {
  const isGreedy = parts.at(-1)?.endsWith('+}') === true
  if (isGreedy ? sent.length < parts.length : sent.length !== parts.length) return false
  return parts.every((part, index) => (part.startsWith('{') ? sent[index] !== '' : sent[index] === part))
}

function rankOf({ parts }: RestResource): string {
  return parts.map(part => (part.endsWith('+}') ? 'c' : part.startsWith('{') ? 'b' : 'a')).join('')
}

// A malformed escape is left as it is: what to make of it is the function's business.
function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
