// Brings the dependencies to what package-lock.json says, so that a fresh clone needs one command only.
// Plain JavaScript over Node's own modules: nothing is installed yet when it runs.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const lockFile = join(root, 'package-lock.json')
/** Holds the hash of the lock file that was last installed. */
const stampFile = join(root, 'node_modules/.countersign-lock')
/** npm's own record of what lies in node_modules. */
const installedFile = join(root, 'node_modules/.package-lock.json')

const oldestNode = [20, 19]

/** Ends the process with a message when this Node is too old. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number)
  const isOldEnough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  if (isOldEnough) return
  console.error(`error: Node ${oldestNode.join('.')} or later is needed, this is ${version}`)
  process.exit(1)
}

/** Installs the locked dependencies when they are missing or others than the lock file's. */
export function ensureDependencies() {
  checkNode()
  const lock = readFileSync(lockFile, 'utf8')
  const hash = createHash('sha256').update(lock).digest('hex')
  if (!isInstalled(lock, hash)) install()
  if (readStamp() !== hash) writeFileSync(stampFile, hash)
}

function install() {
  console.log('Installing the locked dependencies (npm ci) ...')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const npm = process.env.npm_execpath ?? ''
  const options = { cwd: root, stdio: 'inherit' }
  const { status, error } = /npm-cli\.c?js$/.test(npm)
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (status === 0) return
  console.error(`error: npm ci failed${error ? `: ${error.message}` : ` (exit code ${status})`}`)
  process.exit(1)
}

/** Whether every package of the lock file that this machine needs is there, in the version it says. */
function isInstalled(lock, hash) {
  if (!existsSync(installedFile)) return false
  const wanted = packagesOf(lock)
  if (readStamp() !== hash) {
    const installed = Object.fromEntries(packagesOf(readFileSync(installedFile, 'utf8')))
    const isSame = ([path, { version, integrity }]) =>
      installed[path]?.version === version && installed[path]?.integrity === integrity
    if (!wanted.filter(isForThisMachine).every(isSame)) return false
  }
  // npm installs an optional package where it can: one that is missing was looked for already.
  return wanted.every(([path, { optional }]) => optional || existsSync(join(root, path, 'package.json')))
}

function packagesOf(lock) {
  return Object.entries(JSON.parse(lock).packages).filter(([path]) => path.startsWith('node_modules/'))
}

/** Optional packages are one build for each platform; which C library a machine has, npm knows better. */
function isForThisMachine([, { os, cpu, libc, optional }]) {
  if (!optional) return true
  return os?.includes(process.platform) && cpu?.includes(process.arch) && libc === undefined
}

function readStamp() {
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureDependencies()
