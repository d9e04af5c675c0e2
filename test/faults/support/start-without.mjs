// Loads a bundled function again and again, each time with another environment, and says what came of each: what it
// threw, or nothing where it started. Plain JavaScript, so that Node starts it as it is.
import { pathToFileURL } from 'node:url'

const [, , file, changes] = process.argv
const module = pathToFileURL(file).href
const environment = { ...process.env }
const outcomes = []
process.stdout.write = () => true

for (const [index, change] of [{}, ...JSON.parse(changes)].entries()) {
  for (const name of Object.keys(process.env)) delete process.env[name]
  const entries = Object.entries({ ...environment, ...change }).filter(([, value]) => value !== null)
  Object.assign(process.env, Object.fromEntries(entries))
  try {
    await import(`${module}?load=${index}`)
    outcomes.push(null)
  } catch (error) {
    outcomes.push(`${error.name}: ${error.message}`)
  }
}
process.send(outcomes, () => process.exit(0))
