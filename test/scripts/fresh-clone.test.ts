import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

// What the README has a newcomer run first: `npm start`, `npm test`, and `npm pack`, which builds.
it.each(['start', 'test', 'build'])('%s installs the dependencies of a fresh clone first', async script => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-clone-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const part of ['scripts', 'package.json', 'package-lock.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true })
  const npm = join(folder, 'npm-cli.cjs')
  writeFileSync(npm, 'console.log(process.argv.slice(2).join(" "))\nprocess.exit(7)\n')

  const env = { PATH: process.env.PATH, npm_execpath: npm }
  const printed = await new Promise(resolve =>
    execFile(process.execPath, [join(folder, `scripts/${script}.mjs`)], { env }, (error, out, err) =>
      resolve({ code: error?.code, out, err }),
    ),
  )
  expect(printed).toEqual({
    code: 1,
    out: 'Installing the locked dependencies (npm ci) ...\nci --ignore-scripts --no-audit --no-fund\n',
    err: 'error: npm ci failed (exit code 7)\n',
  })
})
