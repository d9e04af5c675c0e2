// Runs one bundled function in a process of its own, as Lambda does: loads it, then answers events over the
// IPC channel, with the lines that the function wrote meanwhile. Plain JavaScript, so that Node starts it as it is.
import { pathToFileURL } from 'node:url'

let lines = []
let fetches = []
const send = process.send.bind(process)

process.stdout.write = text => {
  lines.push(text)
  return true
}
const realFetch = globalThis.fetch
globalThis.fetch = (url, options) => {
  fetches.push(String(url))
  return realFetch(url, options)
}

/** What was written and fetched since the last answer. */
function takeTraces() {
  const traces = { lines, fetches }
  lines = []
  fetches = []
  return traces
}

try {
  const { handler } = await import(pathToFileURL(process.argv[2]).href)
  process.on('message', async ({ event, context }) => {
    try {
      const result = await handler(event, { ...context, getRemainingTimeInMillis: () => context.remaining })
      send({ result: JSON.stringify(result), ...takeTraces() })
    } catch (error) {
      send({ failure: `${error.name}: ${error.message}`, ...takeTraces() })
    }
  })
  send({ result: typeof handler, ...takeTraces() })
} catch (error) {
  send({ failure: `${error.name}: ${error.message}`, ...takeTraces() }, () => process.exit(1))
}
