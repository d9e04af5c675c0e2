// What single test commands need beyond Node and npm: installed when it is first asked for, in exactly these versions,
// into a folder that is git-ignored and that `npm ci` empties. What cannot be installed rejects with the reason.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, 'node_modules/.cache/countersign')
const nodeVersion = '24.21.0'
const runtimeClientVersion = '4.0.2'
const miniStackRequirements = join(root, 'scripts/ministack-requirements.txt')

/** The Node.js that Lambda runs the functions on: this one, where it is of that line. @returns its program */
export async function nodeOfLambda() {
  if (process.versions.node.startsWith('24.')) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  const folder = await installed(`node-${nodeVersion}`, into =>
    run('npm', [...npmInstall(into), '--ignore-scripts', `${name}@${nodeVersion}`]),
  )
  return join(folder, 'node_modules', name, 'bin/node')
}

/** Lambda's own runtime client for Node.js, which compiles native code: needs cmake, make and a C++ compiler. */
export async function lambdaRuntimeClient() {
  const node = await nodeOfLambda()
  const folder = await installed(`runtime-client-${runtimeClientVersion}`, into => {
    const scripts = { allowScripts: { 'aws-lambda-ric': true } }
    writeFileSync(join(into, 'package.json'), JSON.stringify({ private: true, ...scripts }))
    // Node's headers lie beside it; without them they would have to be fetched.
    const nodedir = dirname(dirname(node))
    const headers = existsSync(join(nodedir, 'include/node')) ? { npm_config_nodedir: nodedir } : {}
    const args = [...npmInstall(into), `aws-lambda-ric@${runtimeClientVersion}`]
    return run('npm', args, { ...withNode(node), ...headers })
  })
  return { node, program: join(folder, 'node_modules/aws-lambda-ric/index.mjs') }
}

/** MiniStack, an emulator of AWS that needs Python 3.10 or later and no Docker. @returns its Python */
export async function miniStack() {
  const requirements = createHash('sha256').update(readFileSync(miniStackRequirements)).digest('hex')
  const folder = await installed(`ministack-${requirements.slice(0, 12)}`, async into => {
    await run('python3', ['-c', 'import sys; sys.version_info < (3, 10) and sys.exit("3.10 is needed")'])
    await run('python3', ['-m', 'venv', into])
    const options = '--disable-pip-version-check --quiet --no-input --retries 1 --timeout 20'.split(' ')
    const install = ['-m', 'pip', 'install', ...options, '--requirement', miniStackRequirements]
    await run(join(into, 'bin/python'), install)
  })
  return join(folder, 'bin/python')
}

/** The environment of a process in which `node` is this program, for what it starts as well. */
export function withNode(node) {
  return { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
}

const npmInstall = folder => [
  ...['install', '--prefix', folder, '--no-save', '--no-package-lock', '--no-audit', '--no-fund'],
  ...['--loglevel', 'error', '--fetch-retries', '1', '--fetch-timeout', '30000'],
]

/** A folder appears when all is in it: an installation that broke off is made again. */
async function installed(name, install) {
  const folder = join(cache, name)
  if (existsSync(folder)) return folder
  console.log(`Installing ${name} into ${folder} ...`)
  mkdirSync(cache, { recursive: true })
  const unfinished = mkdtempSync(join(cache, '.unfinished-'))
  try {
    await install(unfinished)
    // Somebody else may have been as fast.
    if (!existsSync(folder)) renameSync(unfinished, folder)
    return folder
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

function run(command, args, env = process.env) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, timeout: 600_000, maxBuffer: 2 ** 26 }, (error, out, err) => {
      if (error === null) resolve()
      else reject(new Error(`${command}: ${(err + out).trim().slice(-1500) || error.message}`))
    })
  })
}
