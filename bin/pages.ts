import { type AdminClient, unexpectedAnswer } from './admin-client.ts'

/**
 * Reads a collection of the admin API to its last page.
 *
 * @param member the list in each page
 */
export async function readEveryPage<T>(
  admin: AdminClient,
  { path, member, isEntry }: { path: string; member: string; isEntry: (value: unknown) => value is T },
): Promise<T[]> {
  const entries: T[] = []
  const seen = new Set<string>()
  let next: string | undefined
  do {
    const page = await admin({
      method: 'GET',
      path: [path],
      query: { limit: '100', ...(next === undefined ? {} : { next_token: next }) },
    })
    const list = page[member]
    if (!Array.isArray(list) || !list.every(isEntry)) throw unexpectedAnswer('the server')
    entries.push(...list)
    next = typeof page.next_token === 'string' ? page.next_token : undefined
    // A server that repeats a page would be asked for ever.
    if (next !== undefined && seen.has(next)) throw unexpectedAnswer('the server')
    if (next !== undefined) seen.add(next)
  } while (next !== undefined)
  return entries
}
