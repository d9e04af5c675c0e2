import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** A program that was started, and that ends when this process does. */
export interface GuardedProcess {
  readonly pid: number
  /** Resolves when the program has ended, with what it ended by: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>
  isRunning(): boolean
  /** Asks the program to end (SIGTERM), insists after `graceMilliseconds` (SIGKILL), resolves when it has. */
  close(graceMilliseconds?: number): Promise<void>
}

// The watcher blocks on file descriptor 3, whose other end is this process's alone: end of file means that
// this process is gone, a line means that the program is (its pid may be somebody else's by then).
const script = '{ read -r _ <&3 || kill -9 $$; } >/dev/null 2>&1 & exec 3<&-; exec "$@"'

/**
 * Starts a program that does not outlive this process, `kill -9` included, and that Ctrl-C in the terminal
 * does not reach: what uses it is stopped before it is.
 *
 * @param outputFd file descriptor of the program's output, both kinds
 * @throws Error when the program cannot be started
 */
export async function startGuarded(
  command: string,
  args: readonly string[],
  options: { cwd?: string; outputFd: number },
): Promise<GuardedProcess> {
  const { cwd, outputFd } = options
  const guarded = process.platform !== 'win32'
  const child = spawn(
    guarded ? '/bin/sh' : command,
    guarded ? ['-c', script, 'sh', command, ...args] : args,
    {
      cwd,
      detached: guarded,
      stdio: ['ignore', outputFd, outputFd, 'pipe'],
    },
  )
  const ended = endOf(child)
  await once(child, 'spawn')
  const { pid } = child
  if (pid === undefined) throw new Error(`${command} could not be started`)
  const isRunning = () => child.exitCode === null && child.signalCode === null
  return {
    pid,
    ended,
    isRunning,
    async close(graceMilliseconds = 3000) {
      if (!isRunning()) return
      child.kill('SIGTERM')
      const insist = setTimeout(() => child.kill('SIGKILL'), graceMilliseconds)
      await ended
      clearTimeout(insist)
    },
  }
}

function endOf(child: ChildProcess): Promise<string> {
  const watcher = child.stdio[3] as Writable | null
  // The watcher may be gone before it is told.
  watcher?.on('error', () => undefined)
  return new Promise(resolve => {
    child.on('exit', (code, signal) => {
      watcher?.end('ended\n')
      resolve(signal ?? `exit code ${code}`)
    })
  })
}
