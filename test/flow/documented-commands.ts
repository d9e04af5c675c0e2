import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Calls the deployed system, or deploys: what no local stack answers. */
const needsAws = /\baws [a-z]|\bnpx cdk |^npm |\$\(output /

/** The shell commands below a heading of a document, but for those that need an AWS account, block by block. */
export function documentedCommands(file: string): { heading: string; commands: string }[] {
  const sections = readFileSync(join(root, file), 'utf8').split(/^## /m).slice(1)
  return sections.flatMap(section =>
    [...section.matchAll(/^```sh\n(.*?)^```$/gms)]
      .map(([, block = '']) => block.split('\n').filter(line => line !== '' && !needsAws.test(line)))
      .filter(lines => lines.length > 0)
      .map(lines => ({ heading: section.slice(0, section.indexOf('\n')), commands: lines.join('\n') })),
  )
}

const folder = mkdtempSync(join(tmpdir(), 'countersign-operator-'))
const commandLine = join(folder, 'countersign.mjs')
afterAll(() => rmSync(folder, { recursive: true }))

// One file starts in a tenth of the time that the launcher takes, which has tests of its own.
beforeAll(async () => {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const contents = `import { main } from './countersign.ts'
import { processIo } from './io.ts'
process.exitCode = await main(process.argv.slice(2), processIo())`
  await build({
    stdin: { contents, resolveDir: join(root, 'bin'), loader: 'ts' },
    outfile: commandLine,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
})

/** Runs commands in bash as an operator pastes them, in one folder: the first that fails ends them and the test. */
export function paste(commands: string, settings: Record<string, string>): Promise<string> {
  const prelude = `set -euo pipefail
npx() { test "$1" = countersign && shift && node "${commandLine}" "$@"; }
node() { command "${process.execPath}" "\${@/#scripts\\//${root}scripts/}"; }
`
  const env = { PATH: process.env.PATH ?? '', HOME: folder, ...settings }
  return new Promise((resolve, reject) => {
    execFile('bash', ['-c', prelude + commands], { cwd: folder, env }, (error, out, err) =>
      error === null ? resolve(out) : reject(new Error(`${commands}\n${out}${err}`)),
    )
  })
}
