// `npm test`: sets up what is missing, then runs every check. Its last line counts them:
// `N passed, N failed`, with `, N skipped` if any. `npm test -- <filter>` runs the tests of matching files.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDependencies } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const count = { passed: 0, failed: 0, skipped: 0 }

ensureDependencies()
await bundleFunctions()
await check('types', () => runTool('types', 'typescript', 'tsc', ['--noEmit']))
await check('lint', () => runTool('lint', '@biomejs/biome', 'biome', ['check', '.']))
await runTests(process.argv.slice(2))

const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
process.exitCode = count.failed > 0 ? 1 : 0

/** The constructs stage what the bundler makes: without it no test of theirs can run. */
async function bundleFunctions() {
  try {
    const { bundle } = await import('./bundle.mjs')
    await bundle()
  } catch (error) {
    console.error(error)
    console.log('FAILED: bundle')
    count.failed++
  }
}

/** One check that is no test of vitest's: it counts as one. */
async function check(name, run) {
  const code = await run()
  if (code === 0) count.passed++
  else count.failed++
  console.log(`${code === 0 ? 'passed' : 'FAILED'}: ${name}`)
}

async function runTests(filters) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-'))
  const outputFile = join(folder, 'results.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`]
  const code = await runTool('tests', 'vitest', 'vitest', ['run', ...reporters, ...filters])
  const results = readResults(outputFile)
  rmSync(folder, { recursive: true, force: true })

  const failedBefore = count.failed
  count.passed += results?.numPassedTests ?? 0
  count.failed += (results?.numFailedTests ?? 0) + filesThatDidNotRun(results)
  count.skipped += (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0)
  // No test at all, a crash or an error outside of every test: nothing of that is a success.
  const isSilentFailure = code !== 0 || (results?.numTotalTests ?? 0) === 0
  if (isSilentFailure && count.failed === failedBefore) {
    console.log(`FAILED: tests (exit code ${code}, ${results?.numTotalTests ?? 'no'} tests)`)
    count.failed++
  }
}

/** A file that cannot be loaded fails without a test of its own. */
function filesThatDidNotRun(results) {
  const files = results?.testResults ?? []
  return files.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0)
    .length
}

function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** Runs a package's command with its output on the screen, and gives its exit code. */
function runTool(title, packageName, command, args) {
  console.log(`\n${title}: ${[command, ...args].join(' ')}`)
  const folder = join(root, 'node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const script = join(folder, typeof bin === 'string' ? bin : bin[command])
  return new Promise(resolve => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' })
    child.on('error', error => {
      console.error(error)
      resolve(-1)
    })
    child.on('exit', (code, signal) => resolve(code ?? signal))
  })
}
