// The local run as a program: `npm start`, or `node --import tsx local/main.ts`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { endpointsFile } from './endpoints.ts'
import { identify, isStillRunning, parentOf } from './process-identity.ts'
import { type LocalSettings, readSettings } from './settings.ts'
import { type LocalRun, startLocal } from './start-local.ts'
import { whatToPaste } from './what-to-paste.ts'

const watchEveryMilliseconds = 250
const impatientAfterMilliseconds = 500

/** Starts a local run and stays until it is told to stop: Ctrl-C, SIGTERM, or the end of its `npm`. */
export async function main(): Promise<void> {
  const giveUp = new AbortController()
  let running: Promise<LocalRun> | undefined
  let exitCode: number | undefined
  let askedAt = Number.POSITIVE_INFINITY

  // A pipe that nobody reads any more must not take the servers down.
  process.stdout.on('error', () => undefined)
  process.stderr.on('error', () => undefined)
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

  const stop = async (code: number, why: string) => {
    if (exitCode !== undefined) return
    exitCode = code
    console.log(why)
    giveUp.abort()
    const run = await running?.catch(() => undefined)
    await run?.close()
    process.exit(exitCode)
  }
  const fail = (error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`)
    void stop(1, 'Stopping.')
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // One Ctrl-C comes twice, from the terminal and from npm. Asked again later: at once, then; the
      // children end with this process.
      if (performance.now() - askedAt > impatientAfterMilliseconds) process.exit(130)
      askedAt = Math.min(askedAt, performance.now())
      void stop(0, '\nStopping. The data stays.')
    })
  }
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)

  const launcherPid = findLauncher()
  if (launcherPid !== undefined) whenGone(launcherPid, () => void stop(0, 'npm ended. Stopping.'))
  try {
    const settings = readSettings(process.env, process.cwd())
    running = startLocal({
      ...settings,
      print: console.log,
      signal: giveUp.signal,
      launcherPid,
      onFailure: fail,
    })
    const run = await running
    if (exitCode === undefined) announce(run, settings)
  } catch (error) {
    // A start that was given up fails, as it should.
    if (exitCode === undefined) fail(error)
  }
}

function announce(run: LocalRun, { dataDir }: LocalSettings): void {
  const { endpoints, demoClient, maxRevocationDelaySeconds } = run
  const lines = [
    '',
    `Countersign is ready (${process.uptime().toFixed(1)} s).`,
    '',
    `  authorization server  ${endpoints.issuer}`,
    ...Object.entries(endpoints.apis).map(([name, url]) => `  ${`${name} API`.padEnd(20)}  ${url}`),
    `  endpoints             ${endpointsFile(dataDir)}`,
    `  logs                  ${join(dataDir, 'logs')}`,
    '',
    'Paste into another terminal:',
    '',
    ...whatToPaste(demoClient, endpoints, maxRevocationDelaySeconds),
    '',
    'Ctrl-C stops everything; the data stays.',
  ]
  console.log(lines.join('\n'))
}

/** The `npm start` that this process runs for. Its shell may stand between the two. */
function findLauncher(): number | undefined {
  if (process.env.npm_lifecycle_event !== 'start') return undefined
  const parent = process.ppid
  return isShell(parent) ? (parentOf(parent) ?? parent) : parent
}

function isShell(pid: number): boolean {
  try {
    return /^(sh|bash|dash|zsh|ash|busybox)$/.test(readFileSync(`/proc/${pid}/comm`, 'utf8').trim())
  } catch {
    return false
  }
}

/** No event tells that a process ended which is not a child: a killed npm passes nothing on. */
function whenGone(pid: number, then: () => void): void {
  const parent = process.ppid
  const launcher = process.platform === 'linux' ? identify(pid) : undefined
  const timer = setInterval(() => {
    const isGone = process.ppid !== parent || (launcher !== undefined && !isStillRunning(launcher))
    if (!isGone) return
    clearInterval(timer)
    then()
  }, watchEveryMilliseconds).unref()
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
