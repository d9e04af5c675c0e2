#!/usr/bin/env node
// The package's `bin`: plain JavaScript, since Node 20 runs no TypeScript. Packed, it runs the built command line; in
// a clone, the sources by tsx. It works from any folder and through a symbolic link: both are resolved from here, and
// the tsconfig of the caller's folder is not read.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const isClone = existsSync(new URL('countersign.ts', import.meta.url))
if (isClone) await registerTsx()
const [folder, extension] = isClone ? ['.', 'ts'] : ['../dist/esm/bin', 'js']

const { main } = await import(`${folder}/countersign.${extension}`)
const { processIo } = await import(`${folder}/io.${extension}`)
// Not process.exit(): what is still on its way into a pipe would be lost.
process.exitCode = await main(process.argv.slice(2), processIo())

async function registerTsx() {
  try {
    const { register } = await import('tsx/esm/api')
    register({ tsconfig: false })
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
    process.stderr.write('countersign: its dependencies are not installed.\n')
    process.stderr.write(
      `Run "npm ci" in ${fileURLToPath(new URL('..', import.meta.url))}, then try again.\n`,
    )
    process.exit(1)
  }
}
