// Makes what the package holds beside its launcher: the bundled functions (dist/lambda), the constructs, the command
// line and the local run as JavaScript with declarations (dist/esm), and the licences of what the bundles contain. It
// sets up what is missing first, so that `npm pack` works in a fresh clone.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDependencies } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

ensureDependencies()
const { bundle } = await import('./bundle.mjs')
const { inputs } = await bundle()
writeFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), licencesOf(Object.keys(inputs)))
compile()

function compile() {
  rmSync(join(root, 'dist/esm'), { recursive: true, force: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '--project', 'tsconfig.build.json']
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

/** Whoever hands on the bundles hands on the licences of the packages in them; each text once. */
function licencesOf(files) {
  const folders = new Set(files.flatMap(file => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []))
  const packagesByText = new Map()
  for (const folder of [...folders].sort()) {
    const text = licenceOf(folder)
    packagesByText.set(text, [...(packagesByText.get(text) ?? []), nameOf(folder)])
  }
  return [...packagesByText]
    .map(([text, packages]) => `${packages.join('\n')}\n\n${text}\n`)
    .join(`\n${'-'.repeat(72)}\n\n`)
}

function licenceOf(folder) {
  const names = readdirSync(join(root, folder)).filter(name => /^(licen[cs]e|notice)/i.test(name))
  return names.map(name => readFileSync(join(root, folder, name), 'utf8').trim()).join('\n\n')
}

function nameOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  return `${name} ${version} (${license})`
}
