import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleOf, type FunctionName } from '../../lambda/support/bundled-function.ts'

const program = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url))

/** A folder with a function's bundle and what lies beside it. */
function folderOf(name: FunctionName, files: Record<string, string>): { folder: string; module: string } {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-fault-'))
  const module = join(folder, 'index.mjs')
  copyFileSync(bundleOf(name), module)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
  return { folder, module }
}

export const routesFile = { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) }

export interface SpawnOptions {
  /** How many file descriptors the process may have. */
  readonly fileDescriptors?: number
  /** Where its lines go: nowhere, or into a pipe that nobody reads. */
  readonly output?: 'ignore' | 'unread'
}

/** Starts a bundled function under conditions that a process can have. */
export async function spawnFunction(
  name: FunctionName,
  environment: Record<string, string>,
  { fileDescriptors, output = 'ignore' }: SpawnOptions = {},
) {
  const { folder, module } = folderOf(name, routesFile)
  const command = [process.execPath, program('run-bundle.mjs'), module]
  const limit = fileDescriptors === undefined ? [] : ['prlimit', `--nofile=${fileDescriptors}`]
  const [executable = '', ...args] = [...limit, ...command]
  const child: ChildProcess = spawn(executable, args, {
    env: { PATH: process.env.PATH, SERVICE: name, ...environment },
    stdio: ['ignore', output === 'unread' ? 'pipe' : 'ignore', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  return {
    /** How many file descriptors it has open. */
    openFileDescriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async invoke(event: unknown): Promise<{ result: unknown; failure: string | undefined }> {
      const reply = once(child, 'message')
      child.send(event as object)
      const [{ result, failure }] = (await reply) as [{ result?: string; failure?: string }]
      return { result: result === undefined ? undefined : JSON.parse(result), failure }
    },
    async stop(): Promise<void> {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/**
 * What comes of loading a function with each of these changes to its environment (null = not there), the first outcome
 * being that without any: undefined where it starts.
 */
export async function loadFunction(
  name: FunctionName,
  environment: Record<string, string>,
  changes: readonly Record<string, string | null>[],
  files: Record<string, string> = routesFile,
): Promise<readonly (string | undefined)[]> {
  const { folder, module } = folderOf(name, files)
  const child = spawn(process.execPath, [program('start-without.mjs'), module, JSON.stringify(changes)], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [outcomes] = (await once(child, 'message')) as [(string | null)[]]
  if (child.exitCode === null) await once(child, 'exit')
  rmSync(folder, { recursive: true, force: true })
  return outcomes.map(outcome => outcome ?? undefined)
}
