import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { makePrivateFolder, writeDurably } from './durable-file.ts'
import {
  identify,
  isProcessIdentity,
  isStillRunning,
  type ProcessIdentity,
  signal,
} from './process-identity.ts'

/** One run's hold on its data folder. */
export interface DataFolderClaim {
  /** States which processes this run has started and not yet ended, in place of what was stated before. */
  record(pids: readonly number[]): Promise<void>
  /** Gives the folder up: for after everything that was recorded has ended. */
  release(): Promise<void>
}

interface Holder extends ProcessIdentity {
  /** The `npm` that waits for the run: when it is killed, the run is on its way out. */
  readonly launcher?: ProcessIdentity
}

const lockFile = 'lock'
const processesFile = 'processes.json'
const defaultGraceMilliseconds = 3000

export interface ClaimOptions {
  /** The process whose end ends this run, if there is one. */
  launcherPid?: number
  /** How long a leftover gets to end after each signal. @default 3000 */
  graceMilliseconds?: number
}

/**
 * Takes the data folder for this process, and ends what a killed run left behind in it: the processes that
 * it recorded and that are still the same ones, nobody else's.
 *
 * @throws Error that names the process of another run that holds the folder
 */
export async function claimDataFolder(dataDir: string, options: ClaimOptions = {}): Promise<DataFolderClaim> {
  const { launcherPid, graceMilliseconds = defaultGraceMilliseconds } = options
  const folder = resolve(dataDir)
  const isNew = !existsSync(folder)
  await makePrivateFolder(folder)
  // It may lie in somebody's repository, and there are secrets in it.
  if (isNew) await writeFile(join(folder, '.gitignore'), '*\n')
  const self = identify(process.pid)
  if (self === undefined) throw new Error('the start time of this process cannot be read (/proc, ps)')
  const launcher = launcherPid === undefined ? undefined : identify(launcherPid)
  await takeLock(folder, { ...self, launcher }, graceMilliseconds)
  await endLeftovers(folder, graceMilliseconds)
  return {
    async record(pids) {
      const processes = pids.map(identify).filter(identity => identity !== undefined)
      await writeDurably(
        join(folder, processesFile),
        `${JSON.stringify({ main: self, processes }, null, 2)}\n`,
      )
    },
    async release() {
      await rm(join(folder, processesFile), { force: true })
      await rm(join(folder, lockFile), { force: true })
    },
  }
}

async function takeLock(folder: string, holder: Holder, grace: number): Promise<void> {
  const path = join(folder, lockFile)
  const own = `${path}.${randomUUID()}.tmp`
  await writeFile(own, JSON.stringify(holder), { flag: 'wx', mode: 0o600 })
  try {
    // A link appears with its whole content or not at all, and never takes another's place.
    while (!(await isLinked(own, path))) {
      const other = await readHolder(path)
      if (other !== undefined) await waitForEnd(folder, other, grace)
      if (await hasReplacedStaleLock(own, path, other)) return
    }
  } finally {
    await rm(own, { force: true })
  }
}

/**
 * Puts an own lock in a stale one's place. One start at a time may, and only while the lock is still the stale one it
 * saw: without that, two starts could each take away what the other has just put there.
 */
async function hasReplacedStaleLock(own: string, path: string, stale: Holder | undefined): Promise<boolean> {
  const turn = `${path}.turn.tmp`
  if (!(await isLinked(own, turn))) {
    const other = await readHolder(turn)
    // The one before was killed in its turn, or is about to end it.
    if (other === undefined || !isStillRunning(other)) await rm(turn, { force: true })
    else await wait(5)
    return false
  }
  try {
    const current = await readHolder(path)
    if (current?.pid !== stale?.pid || current?.startedAt !== stale?.startedAt) return false
    await rename(own, path)
    return true
  } finally {
    await rm(turn, { force: true })
  }
}

async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function waitForEnd(folder: string, other: Holder, grace: number): Promise<void> {
  if (!isStillRunning(other)) return
  if (other.launcher === undefined || isStillRunning(other.launcher)) {
    throw new Error(
      `another local run (process ${other.pid}) uses the data folder ${folder}: ` +
        'stop it, or choose another folder with COUNTERSIGN_DATA_DIR',
    )
  }
  // Its npm was killed: it is about to stop by itself.
  if (!(await hasEnded(other, grace))) await end(other, grace)
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const holder = await readJson(path)
  if (!isProcessIdentity(holder)) return undefined
  const { launcher } = holder as Holder
  return {
    pid: holder.pid,
    startedAt: holder.startedAt,
    launcher: isProcessIdentity(launcher) ? launcher : undefined,
  }
}

async function endLeftovers(folder: string, grace: number): Promise<void> {
  const content = await readJson(join(folder, processesFile))
  const { processes } = (content ?? {}) as { processes?: unknown }
  const leftovers = Array.isArray(processes) ? processes.filter(isProcessIdentity) : []
  await Promise.all(leftovers.map(leftover => end(leftover, grace)))
}

async function end(leftover: ProcessIdentity, grace: number): Promise<void> {
  signal(leftover, 'SIGTERM')
  if (await hasEnded(leftover, grace)) return
  signal(leftover, 'SIGKILL')
  if (await hasEnded(leftover, grace)) return
  throw new Error(`process ${leftover.pid}, left behind by a former run, does not end`)
}

/** Whether a process ends within the grace. There is no event for the end of somebody else's child. */
async function hasEnded(identity: ProcessIdentity, grace: number): Promise<boolean> {
  const until = performance.now() + grace
  while (isStillRunning(identity)) {
    if (performance.now() > until) return false
    await wait(10)
  }
  return true
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}
