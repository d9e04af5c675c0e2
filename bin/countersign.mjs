#!/usr/bin/env node
// Node 20 runs no TypeScript, so the package's `bin` is this plain JavaScript file. It works from any
// folder and through a symbolic link: tsx and the command line are resolved from here, and the tsconfig
// of the caller's folder is not read.
import { fileURLToPath } from 'node:url'

try {
  const { register } = await import('tsx/esm/api')
  register({ tsconfig: false })
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
  process.stderr.write('countersign: its dependencies are not installed.\n')
  process.stderr.write(`Run "npm ci" in ${fileURLToPath(new URL('..', import.meta.url))}, then try again.\n`)
  process.exit(1)
}

const { main } = await import('./countersign.ts')
const { processIo } = await import('./io.ts')
// Not process.exit(): what is still on its way into a pipe would be lost.
process.exitCode = await main(process.argv.slice(2), processIo())
