// `npm run test:mutation`: breaks every line of lambda/oauth in many small ways and counts what the tests notice.
// Takes about a quarter of an hour; fails below 90 %. More arguments go to Stryker, such as `-- --mutate <file>`.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDependencies } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
ensureDependencies()
const stryker = join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js')
const args = [stryker, 'run', ...process.argv.slice(2)]
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
process.exitCode = status ?? 1
