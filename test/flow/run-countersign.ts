import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { main } from '../../bin/countersign.ts'
import type { CommandLineIo } from '../../bin/io.ts'

const launcher = fileURLToPath(new URL('../../bin/countersign.mjs', import.meta.url))

/** Where commands run: no `.countersign`, no AWS configuration files. */
const emptyFolder = mkdtempSync(join(tmpdir(), 'countersign-command-'))
afterAll(() => rmSync(emptyFolder, { recursive: true }))

export interface Run {
  code: number
  out: string
  err: string
}

export interface Surroundings {
  env: Record<string, string>
  stdin?: string
  fetch?: typeof fetch
  /** Ctrl-C. */
  interrupt?: AbortSignal
}

/** Runs the command line in this process, over the real network; whoever asks for AWS credentials fails. */
export async function countersign(
  args: readonly string[],
  { env, stdin = '', ...network }: Surroundings,
): Promise<Run> {
  const run = { out: '', err: '' }
  const io: CommandLineIo = {
    stdout: { write: text => (run.out += text) },
    stderr: { write: text => (run.err += text) },
    stdin: standardInput(stdin),
    env,
    cwd: emptyFolder,
    fetch: network.fetch ?? globalThis.fetch,
    now: () => new Date(),
    ask: async question => {
      throw new Error(`nobody is there to be asked "${question}"`)
    },
    awsCredentials: async () => {
      throw new Error('a local server needs no AWS credentials')
    },
    tlsPeer: async () => {
      throw new Error('a local server has no TLS')
    },
    onInterrupt: handler => {
      network.interrupt?.addEventListener('abort', handler)
      return () => network.interrupt?.removeEventListener('abort', handler)
    },
  }
  const code = await main(args, io)
  return { code, ...run }
}

/** Runs the package's `bin` as a process of its own, in an empty folder and with no environment but this one. */
export function launchCountersign(
  args: readonly string[],
  { env, stdin = '' }: { env: Record<string, string>; stdin?: string },
): Promise<Run> {
  return new Promise(resolve => {
    const options = { cwd: emptyFolder, env: { PATH: process.env.PATH ?? '', HOME: emptyFolder, ...env } }
    const child = execFile(process.execPath, [launcher, ...args], options, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
    child.stdin?.end(stdin)
  })
}

async function* standardInput(text: string): AsyncGenerator<string> {
  yield text
}
