// `npm run test:chaos -- --minutes N [--seed S] [--bug NAME] [--json FILE]`: bundles the functions and runs the load and
// kill -9 harness of test/chaos, whose exit code is this one's.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ensureDependencies } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

ensureDependencies()
const { bundle } = await import('./bundle.mjs')
await bundle()
const child = spawn(process.execPath, ['--import', 'tsx', 'test/chaos/run.ts', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
})
// Ctrl-C reaches the run as well, which ends what it has started.
process.on('SIGINT', () => {})
child.on('exit', code => {
  process.exitCode = code ?? 1
})
