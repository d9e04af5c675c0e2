import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process and when it started: a pid alone is somebody else's before long. */
export interface ProcessIdentity {
  readonly pid: number
  /** Comparable text, of no meaning in itself. */
  readonly startedAt: string
}

/** The identity of a running process; undefined when there is none with this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? startTimeByProc(pid) : startTimeByPs(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** Whether this very process is still running, and not another one that was given its pid. */
export function isStillRunning({ pid, startedAt }: ProcessIdentity): boolean {
  return identify(pid)?.startedAt === startedAt
}

export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false
  const { pid, startedAt } = value as Record<string, unknown>
  return Number.isSafeInteger(pid) && Number(pid) > 1 && typeof startedAt === 'string'
}

/** Sends a signal to this very process. A process that has ended is no error. */
export function signal(identity: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): void {
  if (!isStillRunning(identity)) return
  try {
    process.kill(identity.pid, name)
  } catch {
    // It ended just now, or is not ours to end.
  }
}

/** The pid of a process's parent; undefined when there is no such process, or no way to know. */
export function parentOf(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  const parent = Number(statOf(pid)?.[1])
  return parent > 0 ? parent : undefined
}

/** Clock ticks from the machine's start to the process's, with the id of that start of the machine. */
function startTimeByProc(pid: number): string | undefined {
  const stat = statOf(pid)
  // A zombie has ended: only its parent has not asked for its exit code yet.
  if (stat === undefined || /[ZX]/.test(stat[0] ?? '')) return undefined
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${stat[19]}`
}

/** The fields of /proc/<pid>/stat behind the command's name, which may hold spaces and brackets itself. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function startTimeByPs(pid: number): string | undefined {
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    const [state = '', ...started] = execFileSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
      env,
    })
      .toString()
      .trim()
      .split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : started.join(' ')
  } catch {
    return undefined
  }
}
