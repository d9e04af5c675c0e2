import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { freePort } from '../../local/free-port.ts'
import { emptyFolder } from './command-line.ts'

const launcher = fileURLToPath(new URL('../../bin/countersign.mjs', import.meta.url))

/** In a process of its own: a local run takes its signals. */
async function countersign(cwd: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const options = { cwd, env: { PATH: process.env.PATH, PORT: String(await freePort()), ...env } }
  return new Promise<{ code: unknown; out: string; err: string }>(resolve => {
    execFile(process.execPath, [launcher, 'local', ...args], options, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    )
  })
}

// What it does when it runs is tested with the package (test/package).
describe('countersign local', () => {
  it('says what is missing, in words or as JSON, and leaves nothing running', async () => {
    const folder = emptyFolder()
    const message = `there is no cdk.json in ${folder}: run this in the folder of a CDK app, or say with --app what synthesises it`
    const { code, out, err } = await countersign(folder, ['--json'])
    expect([code, JSON.parse(out)]).toEqual([1, { error: 'local_run_failed', error_description: message }])
    expect(err).toContain(
      `countersign: ${message}\nNothing runs. "countersign local --help" lists the settings.\n`,
    )
  })

  it('takes a folder as what was synthesised', async () => {
    const folder = emptyFolder()
    mkdirSync(join(folder, 'out'))
    const { code, err } = await countersign(folder, ['--app', 'out'])
    expect(code).toBe(1)
    expect(err).toContain(
      `countersign: no cloud assembly in ${join(folder, 'out')}: synthesise the app first\n`,
    )
  })

  it('reads its settings, --region before AWS_REGION', async () => {
    const refused = async (args: string[], env: NodeJS.ProcessEnv) =>
      (await countersign(emptyFolder(), args, env)).err.split('\n')[0]
    expect(await refused([], { PORT: 'http' })).toBe(
      'countersign: PORT is "http": it must be a whole number from 1 to 65000',
    )
    expect(await refused(['--region', 'here'], { AWS_REGION: 'eu-west-1' })).toBe(
      'countersign: AWS_REGION is "here": it must be a Region such as us-east-1',
    )
  })

  it('has no flag that names a server', async () => {
    const { code, err } = await countersign(emptyFolder(), ['--url', 'http://127.0.0.1:4000'])
    expect([code, err.split('\n')[0]]).toEqual([2, 'countersign: "countersign local" has no flag --url'])
  })
})
