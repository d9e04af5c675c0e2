import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { documentedProgram } from '../flow/third-party/documented-program.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Starts the program below a heading of docs/guard.md, pasted into a file of its own in a project where `countersign` is
 * installed beside all that it depends on. The project's sources are TypeScript.
 *
 * @param then more of the program
 */
export function startDocumentedGuard(heading: string, settings: Record<string, string>, then = '') {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-guard-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  // The sources under the name that the built package has.
  const installed = join(modules, 'countersign')
  mkdirSync(installed)
  const manifest = { name: 'countersign', type: 'module', exports: { './guard': './guard/index.ts' } }
  writeFileSync(join(installed, 'package.json'), JSON.stringify(manifest))
  symlinkSync(join(root, 'guard'), join(installed, 'guard'))

  const file = join(folder, 'program.mjs')
  const program = documentedProgram(heading, 'docs/guard.md').text
  writeFileSync(file, program.replace('export default', 'const served =') + then)
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
    env: { PATH: process.env.PATH ?? '', NODE_ENV: 'production', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill())
  return {
    /** The first line that it prints. */
    firstLine: async () => String((await once(child.stdout, 'data'))[0]).trim(),
    /** All that it prints until it ends by itself. */
    output: () => text(child.stdout),
  }
}
