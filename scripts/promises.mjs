// `npm run promises`: measures what the README promises and prints it as a table, about five minutes. More with
// `-- --minutes N` (of chaos, default 2) and `-- --scale N` (of everything else); `-- --seed S` repeats a run's choices;
// `-- --json` prints one JSON document. Exit code 1 when a promise is broken. docs/promises.md says what each figure means.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureDependencies } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const options = {
  minutes: { type: 'string', default: '2' },
  scale: { type: 'string', default: '1' },
  seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  json: { type: 'boolean', default: false },
}
const { minutes, scale, seed, json } = parseArgs({ options }).values
const folder = mkdtempSync(join(tmpdir(), 'countersign-promises-'))
const figuresOf = name => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))

ensureDependencies()
console.error(`seed ${seed}: measures revocation, signatures and rotations, then ${minutes} minutes of chaos`)
const environment = { PROMISES_FOLDER: folder, PROMISES_SCALE: scale, PROMISES_SEED: seed }
const measured = await run(
  ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.promises.config.ts'],
  environment,
)
const chaosArguments = ['--minutes', minutes, '--seed', seed, '--json', join(folder, 'chaos.json')]
const survived = await run(['scripts/chaos.mjs', ...chaosArguments])

const promises =
  measured === 0
    ? tableOf(figuresOf('revocation'), figuresOf('signatures'), figuresOf('rotations'), figuresOf('chaos'))
    : []
rmSync(folder, { recursive: true, force: true })
if (json) console.log(JSON.stringify({ seed: Number(seed), promises }, undefined, 2))
else print(promises)
const isKept = measured === 0 && survived === 0 && promises.every(({ kept }) => kept)
process.exitCode = isKept ? 0 : 1

/** Each promise with what was measured in this run. */
function tableOf(revocation, signatures, rotations, chaos) {
  const row = (promise, figure, of, kept) => ({ promise, measured: figure, over: of, kept })
  const largest = Math.max(revocation.largestDelay, chaos.largestRevocationDelayMs ?? 0)
  return [
    row(
      'a revocation holds everywhere within 5 s',
      `${(largest / 1000).toFixed(2)} s at most`,
      `${revocation.revocations} revocations, ${revocation.calls + chaos.revocationChecks} calls`,
      revocation.late === 0,
    ),
    row(
      'what was acknowledged is not lost',
      `${chaos.acknowledgedWritesLost} lost`,
      `${chaos.acknowledgedWrites} writes, ${chaos.kills} processes killed`,
      chaos.acknowledgedWritesLost === 0,
    ),
    row(
      'a refusal never becomes an allow',
      `${chaos.failOpens} allowed`,
      `${chaos.checks} decisions under faults`,
      chaos.failOpens === 0,
    ),
    row(
      'no valid token is refused while keys rotate',
      `${rotations.wrong.length + chaos.validTokensRefused} refused`,
      `${rotations.validAsked} decisions in ${rotations.schedules} schedules`,
      rotations.wrong.length + chaos.validTokensRefused === 0,
    ),
    row(
      'no token of a retired or revoked key is accepted',
      `${rotations.wrong.length} accepted`,
      `${rotations.endedAsked} decisions`,
      rotations.wrong.length === 0,
    ),
    row(
      'no bad signature leaves',
      `${signatures.released} released`,
      `${signatures.corrupted} corrupted`,
      signatures.released === 0,
    ),
  ]
}

function print(rows) {
  const cells = [['promise', 'measured', 'over'], ...rows.map(row => [row.promise, row.measured, row.over])]
  const widths = [0, 1, 2].map(column => Math.max(...cells.map(line => line[column].length)))
  for (const [index, line] of cells.entries()) {
    const verdict = index === 0 ? '' : rows[index - 1].kept ? 'kept' : 'BROKEN'
    console.log(`${line.map((cell, column) => cell.padEnd(widths[column])).join('  ')}  ${verdict}`.trimEnd())
  }
}

/** Runs a script of this project, its output on stderr. @returns its exit code */
function run(args, env = {}) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 2, 2],
    })
    child.once('exit', code => resolve(code ?? 1))
  })
}
