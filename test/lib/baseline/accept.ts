// Takes what the constructs make now for what is deployed. A loss has to be named: --accept-loss <logical id or output>.
import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Baseline } from './baseline.ts'
import { type Change, changesSince, describeChanges } from './changes.ts'
import { baselineFile, baselinesOf, deployments, readBaselines, synthesise } from './deployments.ts'

const nothing: Baseline = { resources: {}, outputs: {} }
const { values } = parseArgs({ options: { 'accept-loss': { type: 'string', multiple: true, default: [] } } })

const found = Object.entries(deployments).map(([name, build]) => {
  const now = baselinesOf(synthesise(build))
  const before = existsSync(baselineFile(name)) ? readBaselines(name) : {}
  const stacks = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  const changes = stacks.flatMap(stack => changesSince(before[stack] ?? nothing, now[stack] ?? nothing))
  return { name, now, changes }
})

const changes = found.flatMap(deployment => deployment.changes)
const refused = changes.filter(({ name, isLoss }) => isLoss && !values['accept-loss'].includes(name))
const unknown = values['accept-loss'].filter(name => !changes.some(change => change.name === name))
if (refused.length > 0) fail(`An update would lose something:\n${describeChanges(distinct(refused))}`)
else if (unknown.length > 0) fail(`--accept-loss names what is not lost: ${unknown.join(', ')}`)
else {
  for (const { name, now } of found) writeFileSync(baselineFile(name), `${JSON.stringify(now, null, 2)}\n`)
  console.log(
    distinct(changes)
      .map(({ message }) => `accepted: ${message}`)
      .join('\n') || 'nothing has changed',
  )
}

function distinct(all: readonly Change[]): Change[] {
  return [...new Map(all.map(change => [change.message, change])).values()]
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}
