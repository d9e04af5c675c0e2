import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { publicationLeadSeconds } from '../../lambda/oauth/signing-key-times.ts'
import type { Endpoints } from '../../local/endpoints.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { check } from './checker.ts'
import type { Bounds } from './findings.ts'
import { recordLogs } from './function-logs.ts'
import { Generator } from './generator.ts'
import { type History, Recorder, type Time } from './history.ts'
import { HttpSystem } from './http-system.ts'
import { Nemesis } from './nemesis.ts'
import { Random } from './random.ts'
import { StackUnderTest } from './stack-under-test.ts'
import type { Summary } from './summary.ts'

export interface RunOptions {
  readonly seed: number
  readonly minutes: number
  readonly print: (line: string) => void
  readonly keepHistory?: (history: History) => void
}

/** The settings that the app is deployed with when nobody says otherwise. */
const bounds: Bounds = { maxRevocationDelay: 5000, revocationOutageGrace: 60_000 }

const progressEveryMilliseconds = 10_000

/** A gap this long between two ticks means that the machine had no time for anybody. */
const stallMilliseconds = 300

export const realTime: Time = {
  now: () => performance.now(),
  sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
}

/** Runs load and faults against a whole local stack of its own, and judges what was recorded. */
export async function runChaos({ seed, minutes, print, keepHistory }: RunOptions): Promise<Summary> {
  const random = new Random(seed)
  const recorder = new Recorder(realTime, Date.now() - performance.now())
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-chaos-'))
  const stack = await StackUnderTest.start(dataDir, random.fork())
  try {
    await publishLongAgo(stack)
    const system = new HttpSystem(stack.endpoints as Required<Endpoints>)
    await system.registerIntrospector()
    const load = { system, recorder, owners: 4, callers: 3, pause: 120, delay: bounds.maxRevocationDelay }
    const generator = new Generator({ ...load, random: random.fork() })
    const nemesis = new Nemesis({
      stack,
      recorder,
      random: random.fork(),
      outage: bounds.maxRevocationDelay + 15_000,
      signingKeyArn: () => system.signingKeyArn(),
    })
    const stopProgress = showProgress(recorder, nemesis, print)
    const stopWatching = watchStalls(recorder)
    generator.start()
    nemesis.start()
    await realTime.sleep(minutes * 60_000)
    await nemesis.stop()
    await generator.stop()
    print('verifying everything that was acknowledged')
    // By then every authorizer has read what was revoked last.
    await realTime.sleep(bounds.maxRevocationDelay + 1000)
    await generator.verify()
    stopProgress()
    stopWatching()
    await recordLogs(stack.runDir, recorder)
    keepHistory?.(recorder.history)
    return {
      seed,
      minutes,
      kills: nemesis.kills,
      maxRevocationDelayMs: bounds.maxRevocationDelay,
      revocationOutageGraceMs: bounds.revocationOutageGrace,
      faults: countFaults(recorder.history),
      ...check(recorder.history, bounds),
    }
  } finally {
    await stack.close()
  }
}

/** As if the standby key had been published long ago: every function has read it at its start. */
async function publishLongAgo(stack: StackUnderTest): Promise<void> {
  const { aws, tables } = stack.endpoints
  const client = storeClient(stack.storeUrl ?? aws.dynamodb)
  const { Items = [] } = await client.send(new ScanCommand({ TableName: tables.SigningKeys }))
  for (const { ring, kid, state } of Items) {
    if (state?.S !== 'standby' || !ring || !kid) continue
    await client.send(
      new UpdateItemCommand({
        TableName: tables.SigningKeys,
        Key: { ring, kid },
        UpdateExpression: 'SET created_at = created_at - :lead',
        ExpressionAttributeValues: { ':lead': { N: String(publicationLeadSeconds) } },
      }),
    )
  }
  client.destroy()
}

function showProgress(recorder: Recorder, nemesis: Nemesis, print: RunOptions['print']): () => void {
  const startedAt = performance.now()
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    print(`${seconds} s: ${recorder.operations.length} operations, ${nemesis.kills} killed`)
  }, progressEveryMilliseconds)
  return () => clearInterval(timer)
}

/** Notes when the machine stood still, which is as good as a process that does. */
function watchStalls(recorder: Recorder): () => void {
  const every = 50
  let last = realTime.now()
  const timer = setInterval(() => {
    const now = realTime.now()
    if (now - last > every + stallMilliseconds)
      recorder.note('machine', { kind: 'fault', fault: 'the machine stood still', reaches: 'pause' }, last)
    last = now
  }, every)
  return () => clearInterval(timer)
}

function countFaults({ operations }: History): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const operation of operations) {
    if (operation.kind !== 'fault') continue
    const name = operation.fault
      .replace(/^(kill -9|SIGSTOP) of [A-Z]\w*$/, '$1 of a function')
      .replace(/, .*/, '')
    counts[name] = (counts[name] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).sort())
}
