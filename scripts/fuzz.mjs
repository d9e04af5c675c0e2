// `npm run test:fuzz -- --minutes N`: runs the properties of test/properties with fresh seeds, all at a time, until the
// time is up (default 1 minute). Shows the runs of each so far every two seconds on a terminal, and one line a minute
// elsewhere. A property that fails is shown at once, with the command that replays it. The last line counts.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDependencies } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const seconds = 60 * parseMinutes(process.argv.slice(2))
const folder = mkdtempSync(join(tmpdir(), 'countersign-fuzz-'))
const progressFile = join(folder, 'progress.jsonl')

/** Runs of each property so far, by its title. */
const runs = new Map()
const failed = new Set()
let linesRead = 0
let linesShown = 0

ensureDependencies()
const startedAt = Date.now()
const { isTTY } = process.stdout
const timers = [setInterval(readProgress, 1000), setInterval(showProgress, isTTY ? 2000 : 60_000)]
const problems = await fuzz()
for (const timer of timers) clearInterval(timer)
readProgress()
if (isTTY) showTable()
rmSync(folder, { recursive: true, force: true })

for (const problem of problems) console.error(problem)
console.log(`${total()} runs of ${runs.size} properties, ${failed.size} failed`)
process.exitCode = failed.size > 0 || problems.length > 0 || runs.size === 0 ? 1 : 0

function parseMinutes(args) {
  const [option, value, ...others] = args
  if (option === undefined) return 1
  const minutes = Number(value)
  if (option === '--minutes' && others.length === 0 && minutes > 0) return minutes
  console.error('usage: npm run test:fuzz -- --minutes N')
  process.exit(2)
}

/** Runs vitest once, each file in a process of its own. Returns what went wrong outside of the properties. */
async function fuzz() {
  const { startVitest } = await import('vitest/node')
  const files = readdirSync(join(root, 'test/properties')).filter(name => name.endsWith('.test.ts'))
  const vitest = await startVitest('test', ['test/properties/'], {
    root,
    watch: false,
    reporters: [{}],
    // No property needs the synthesised app.
    globalSetup: [],
    env: { FUZZ_SECONDS: String(seconds), FUZZ_PROGRESS: progressFile },
    maxWorkers: files.length,
    maxConcurrency: 1000,
  })
  const problems = vitest.state.getUnhandledErrors().map(error => error.stack ?? String(error))
  for (const module of vitest.state.getTestModules()) {
    problems.push(
      ...module.errors().map(error => `${module.relativeModuleId}: ${error.stack ?? error.message}`),
    )
  }
  await vitest.close()
  return problems
}

/** Takes in what the properties have said since, and shows what failed. */
function readProgress() {
  let lines
  try {
    // The last piece is empty, or a line that is not whole yet.
    lines = readFileSync(progressFile, 'utf8').split('\n').slice(0, -1)
  } catch {
    return
  }
  const news = lines.slice(linesRead).map(line => JSON.parse(line))
  linesRead = lines.length
  for (const { title, runs: more } of news) runs.set(title, (runs.get(title) ?? 0) + more)
  for (const { title, failure } of news.filter(each => each.failure !== undefined)) {
    failed.add(title)
    eraseTable()
    console.log(`FAILED: ${title}\n${failure}\n`)
  }
}

function showProgress() {
  if (isTTY) showTable()
  console.log(`${total()} runs of ${runs.size} properties, ${failed.size} failed, ${secondsLeft()} s left`)
  if (isTTY) linesShown++
}

/** The runs of each property, in the place of the table before; where it does not fit, the count alone. */
function showTable() {
  eraseTable()
  if (process.stdout.rows <= runs.size + 2) return
  for (const [title, count] of runs) {
    console.log(`${String(count).padStart(9)}  ${title}`.slice(0, process.stdout.columns - 1))
  }
  linesShown = runs.size
}

function eraseTable() {
  if (linesShown > 0) process.stdout.write(`\x1b[${linesShown}A\x1b[J`)
  linesShown = 0
}

function secondsLeft() {
  return Math.max(0, Math.round(seconds - (Date.now() - startedAt) / 1000))
}

function total() {
  return [...runs.values()].reduce((sum, count) => sum + count, 0)
}
