import { readFileSync } from 'node:fs'
import { identify, isStillRunning, parentOf } from './process-identity.ts'
import { type LocalRun, type LocalRunOptions, startLocal } from './start-local.ts'

const watchEveryMilliseconds = 250
const impatientAfterMilliseconds = 500

/**
 * Starts a local run that lasts as long as this process: Ctrl-C, SIGTERM, the end of its `npm` or `npx`, and a part
 * that ends by itself end both. Resolves when requests can be sent.
 *
 * @param say where it says why it stops, a line at a time
 * @throws Error when the run does not start; whatever was started has ended then
 */
export async function runUntilStopped(
  options: Omit<LocalRunOptions, 'signal' | 'launcherPid' | 'onFailure'>,
  say: (line: string) => void,
): Promise<LocalRun> {
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
    say(why)
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
  running = startLocal({ ...options, signal: giveUp.signal, launcherPid, onFailure: fail })
  try {
    return await running
  } catch (error) {
    // A start that was given up fails, as it should: the process is about to end.
    if (exitCode !== undefined) return new Promise(() => undefined)
    throw error
  }
}

/** The `npm start` or `npx` that this process runs for. Its shell may stand between the two. */
function findLauncher(): number | undefined {
  if (!['start', 'npx'].includes(process.env.npm_lifecycle_event ?? '')) return undefined
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
