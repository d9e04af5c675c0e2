/** What callers were told by every request of this test file that was not answered 2xx. */
const bodies: [string, string][] = []
let isWatching = false

/** Looks at the answers of `fetch` from now on. The search of a stack calls it first when the stack starts. */
export function watchErrorBodies(): void {
  if (isWatching) return
  isWatching = true
  const realFetch = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const response = await realFetch(input, init)
    if (response.ok) return response
    bodies.push([`the answer ${response.status} of ${response.url}`, await response.clone().text()])
    return response
  }
}

export function errorBodies(): readonly [string, string][] {
  return bodies
}
