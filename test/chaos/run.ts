// Load and faults on a whole local stack; with a planted bug, on a simulated system in virtual time. Says the seed first
// and a table last. Exit code 1 when an invariant is violated.
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runChaos } from './chaos-run.ts'
import { isPlantedBug, type PlantedBug, plantedBugs, wrappersWith } from './planted-bugs.ts'
import { simulate, simulatedBounds } from './simulated-run.ts'
import { formatSummary, type Summary } from './summary.ts'

const usage = `usage: npm run test:chaos -- [--minutes N] [--seed S] [--json FILE] [--history FILE] [--bug NAME]
  --minutes N     how long (default 2)
  --seed S        what is done when follows from it (default: another one each time)
  --json FILE     writes the summary there
  --history FILE  writes every operation there, a line each
  --bug NAME      runs the simulated system with this bug, in virtual time:
${plantedBugs.map(name => `                    ${name}`).join('\n')}`

const { minutes, seed, bug, json, history } = parseOptions()
const startedAt = performance.now()
print(`seed ${seed}, ${minutes} ${bug === undefined ? 'minutes' : `virtual minutes, planted bug: ${bug}`}`)
const summary = bug === undefined ? await run() : await runSimulation(bug)
if (json !== undefined) writeFileSync(json, `${JSON.stringify(summary, null, 2)}\n`)
console.log(formatSummary(summary))
process.exit(summary.violations.length > 0 ? 1 : 0)

function parseOptions() {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({
      options: { minutes: text, seed: text, bug: text, json: text, history: text },
    })
    const number = (value: string) => {
      if (!(Number(value) > 0)) throw new Error(`${value} is not a number above 0`)
      return Number(value)
    }
    if (values.bug !== undefined && !isPlantedBug(values.bug))
      throw new Error(`there is no bug ${values.bug}`)
    return {
      ...values,
      bug: values.bug as PlantedBug | undefined,
      minutes: number(values.minutes ?? '2'),
      seed: values.seed === undefined ? randomInt(1, 2 ** 31) : number(values.seed),
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`)
    process.exit(2)
  }
}

function run(): Promise<Summary> {
  return runChaos({
    seed,
    minutes,
    print,
    keepHistory: ({ epoch, operations }) => {
      if (history === undefined) return
      const lines = [{ epoch }, ...operations].map(each => JSON.stringify(each))
      writeFileSync(history, `${lines.join('\n')}\n`)
    },
  })
}

async function runSimulation(planted: PlantedBug): Promise<Summary> {
  const { maxRevocationDelay, revocationOutageGrace } = simulatedBounds
  const { kills, ...verdict } = await simulate({ seed, minutes, wrappers: wrappersWith(planted) })
  print(verdict.violations.length > 0 ? 'the bug was caught' : 'THE BUG WAS MISSED')
  return {
    seed,
    minutes,
    bug: planted,
    kills,
    maxRevocationDelayMs: maxRevocationDelay,
    revocationOutageGraceMs: revocationOutageGrace,
    faults: {},
    ...verdict,
  }
}

function print(line: string): void {
  const elapsed = ((performance.now() - startedAt) / 1000).toFixed(0)
  console.log(`[${elapsed.padStart(4)} s] ${line}`)
}
