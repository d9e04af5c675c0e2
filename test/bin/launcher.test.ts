import { execFile } from 'node:child_process'
import { copyFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { client, emptyFolder } from './command-line.ts'

const launcher = fileURLToPath(new URL('../../bin/countersign.mjs', import.meta.url))
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function launch(file: string, args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env.PATH ?? '', AWS_PROFILE: 'nobody' }
  return new Promise(resolve => {
    execFile(process.execPath, [file, ...args], { cwd: emptyFolder(), env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
  })
}

/** Listens on a free port; `document` is what the admin API answers. */
async function listen(document: unknown): Promise<string> {
  const server = createServer((request, response) => {
    const issuer = `http://${request.headers.host}`
    const metadata = { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(request.url?.startsWith('/.well-known') ? metadata : document))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('the launcher', () => {
  it('runs from any folder, through a link, against a real server', async () => {
    const link = join(emptyFolder(), 'countersign')
    symlinkSync(launcher, link)
    const url = await listen(client)
    const { code, out, err } = await launch(link, ['clients', 'show', 'c_1', '--json', '--url', url])
    expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(out)).toEqual(client)
  })

  it('passes the exit code on', async () => {
    const { code, err } = await launch(launcher, ['clients', 'lsit'])
    expect(code).toBe(2)
    expect(err).toBe(
      'countersign: there is no command "clients lsit"\nDid you mean "countersign clients list"?\n',
    )
  })

  it('says what to run when the dependencies are not installed', async () => {
    const folder = emptyFolder()
    const bare = join(folder, 'countersign.mjs')
    copyFileSync(launcher, bare)
    writeFileSync(join(folder, 'countersign.ts'), '')
    const { code, err } = await launch(bare, ['--version'])
    expect(code).toBe(1)
    expect(err).toMatch(
      /^countersign: its dependencies are not installed\.\nRun "npm ci" in .+, then try again\.\n$/,
    )
  })
})
