import { appendFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { it } from 'vitest'

type Property<Values> = fc.IProperty<Values> | fc.IAsyncProperty<Values>

/**
 * Replays a failure: every property is run from this seed instead of one of its own. A failing property prints the
 * command, in the ordinary run as well as in `npm run test:fuzz`:
 *
 *     FUZZ_SEED=-1540383426 npm test -- test/properties/token-edits.test.ts
 *
 * The cases depend on the seed alone, so that the same one fails again; but for keys and signatures, which every run
 * makes anew. What was found stays as a test of its own, with the counterexample written out, among the tests of the
 * sources that it is about.
 */
const seedToReplay = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED)

/** Set by scripts/fuzz.mjs: go on for so many seconds, and say in this file how far it is. */
const { FUZZ_SECONDS: fuzzSeconds, FUZZ_PROGRESS: progressFile = '' } = process.env

/** A turn of a property is short, so that all of a file get theirs from the beginning. */
const runsInOneTurn = 50

/** Says to scripts/fuzz.mjs what happened, a line of JSON each. */
export interface FuzzProgress {
  readonly title: string
  /** Runs since the line before. */
  readonly runs: number
  readonly failure?: string
}

/**
 * Declares a test: the property holds for everything that was generated.
 *
 * @param runs of the ordinary run, few enough for half a second
 */
export function itHolds<Values>(title: string, runs: number, property: Property<Values>): void {
  if (fuzzSeconds === undefined) {
    it(title, async ({ task }) => {
      const { failure } = await check(property, { numRuns: runs }, task.file.name)
      if (failure !== undefined) throw failure
    })
    return
  }
  // All properties of a file take turns.
  it.concurrent(title, { timeout: 0 }, async ({ task }) => {
    const failure = await fuzz(property, title, Math.min(runs, runsInOneTurn), task.file.name)
    if (failure !== undefined) throw failure
  })
}

async function fuzz<Values>(
  property: Property<Values>,
  title: string,
  numRuns: number,
  file: string,
): Promise<Error | undefined> {
  const end = performance.now() + Number(fuzzSeconds) * 1000
  let unreported = 0
  let reportedAt = Number.NEGATIVE_INFINITY
  let failure: Error | undefined
  while (failure === undefined && performance.now() < end) {
    const outcome = await check(property, { numRuns, interruptAfterTimeLimit: end - performance.now() }, file)
    failure = outcome.failure
    unreported += outcome.runs
    if (performance.now() - reportedAt > 1000) {
      report({ title, runs: unreported })
      unreported = 0
      reportedAt = performance.now()
    }
    await setImmediate()
  }
  const thrown = failure === undefined ? {} : { failure: `${failure.message}\n\n${failure.cause}` }
  report({ title, runs: unreported, ...thrown })
  return failure
}

function report(progress: FuzzProgress): void {
  appendFileSync(progressFile, `${JSON.stringify(progress)}\n`)
}

/** Runs a property once; a failure says how to replay it, and its cause is what was thrown. */
async function check<Values>(
  property: Property<Values>,
  parameters: fc.Parameters<Values>,
  file: string,
): Promise<{ readonly runs: number; readonly failure: Error | undefined }> {
  const seed = seedToReplay === undefined ? {} : { seed: seedToReplay }
  const details = await fc.check(property as fc.IAsyncProperty<Values>, { ...parameters, ...seed })
  const { numRuns, failed, interrupted, counterexample, errorInstance: cause } = details
  // What ran out of time has not failed, however few cases it got to.
  if (!failed || (interrupted && counterexample === null)) return { runs: numRuns, failure: undefined }
  const found = (await fc.asyncDefaultReportMessage(details)) ?? ''
  const replay = `Replay: FUZZ_SEED=${details.seed} npm test -- ${file}`
  const message = `${found.replace(/\n\nHint: .*/s, '')}\n\n${replay}`
  return { runs: numRuns, failure: new Error(message, { cause }) }
}
