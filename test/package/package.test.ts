import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Endpoints } from '../../local/endpoints.ts'
import { ConsumerApp, codeOf, type Manifest, readJson, root, twoFreePorts } from './consumer.ts'

let app: ConsumerApp
let parent: string
let tarball: string
let packed: { path: string; size: number }[]
let manifest: Manifest
const [install, stack, local, firstCall] = await codeOf('Use it in your own CDK app')

/** Part of the app, so that `npx tsc`, which its cdk.json begins with, finds that the types refuse these. */
const mistakes = `
import { AuthorizationServer, type AuthorizationServerProps } from 'countersign'
import { createGuard } from 'countersign/guard'
// @ts-expect-error: a Duration is wanted
export const props: AuthorizationServerProps = { accessTokenLifetime: 600 }
// @ts-expect-error: there is no such option
export const attach = (server: AuthorizationServer) => server.authorize({ audience: 'https://a', every: ['a'] })
// @ts-expect-error: the issuer is missing
export const guard = createGuard({ audience: 'https://a' })
`

/** The package as it is installed. */
const installed = (...path: string[]) => join(app.folder, 'node_modules/countersign', ...path)

// The first block of the README's section, with what npm would fetch from a registry taken from this clone.
beforeAll(async () => {
  ;({ app, parent } = await ConsumerApp.create())
  const [pack, init, add, ...others] = (install?.code ?? '').trim().split('\n')
  expect([pack, others]).toEqual(['(cd ../countersign && npm pack)', []])
  await mkdir(join(parent, 'countersign'))
  const report = await app.run('npm', [
    'pack',
    '--json',
    '--pack-destination',
    join(parent, 'countersign'),
    root,
  ])
  const [{ filename, files }] = JSON.parse(report.slice(report.indexOf('[\n')))
  ;[tarball, packed] = [join(parent, 'countersign', filename), files]

  const cdk = join(root, 'node_modules/aws-cdk/bin/cdk')
  await app.shell(`${init?.replace('npx cdk', `node ${cdk}`).split('#')[0]} --generate-only --no-notices`)
  manifest = await readJson(join(root, 'package.json'))
  await app.useInstalledPackages(manifest)
  await app.shell(add ?? '')
  await writeFile(join(app.folder, 'lib/my-app-stack.ts'), stack?.code ?? '')
  await writeFile(join(app.folder, 'lib/mistakes.ts'), mistakes)
}, 120_000)

afterAll(async () => {
  await app.stop()
  await rm(parent, { recursive: true, force: true, maxRetries: 3 })
})

describe('the package', () => {
  it('holds what runs, its declarations and licences, and nothing else', async () => {
    const functions = await readdir(join(root, 'lambda/handlers'))
    const bundles = functions.map(file => `dist/lambda/${file.replace('.ts', '')}/index.mjs`)
    const built = /^dist\/esm\/((guard|lib|lambda)\/.*\.(js|d\.ts)|(bin|local)\/.*\.m?js)$/
    expect(
      packed
        .map(({ path }) => path)
        .filter(path => !built.test(path))
        .sort(),
    ).toEqual(
      [
        'LICENSE',
        'README.md',
        'bin/countersign.mjs',
        'dist/THIRD-PARTY-LICENSES.txt',
        ...bundles,
        'package.json',
      ].sort(),
    )
    expect((await stat(tarball)).size).toBeLessThan(2_000_000)
    expect(Math.max(...packed.map(({ size }) => size))).toBeLessThan(500_000)
  })

  it('runs nothing when it is installed, and leaves the CDK to the app', async () => {
    const { scripts, dependencies, peerDependencies } = await readJson<Manifest>(installed('package.json'))
    const atInstallation = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare']
    expect(Object.keys(scripts).filter(name => atInstallation.includes(name))).toEqual([])
    expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs'])
    expect(Object.keys(dependencies).filter(name => /esbuild|tsx|cdk|typescript/.test(name))).toEqual([])
    expect(await readdir(installed())).not.toContain('node_modules')
  })

  it('gives its constructs and the guard to import and to require', { timeout: 60_000 }, async () => {
    const say = 'console.log(typeof AuthorizationServer, typeof createGuard)'
    const imported = `import { AuthorizationServer } from 'countersign'
      import { createGuard } from 'countersign/guard'
      ${say}`
    const required = `const { AuthorizationServer } = require('countersign')
      const { createGuard } = require('countersign/guard')
      ${say}`
    const run = (program: string, type: string) =>
      app.run('node', [`--input-type=${type}`, '--eval', program])
    expect(await Promise.all([run(imported, 'module'), run(required, 'commonjs')])).toEqual([
      'function function\n',
      'function function\n',
    ])
  })

  it('type-checks, synthesises and runs the app by the lines of the README', {
    timeout: 90_000,
  }, async () => {
    const port = await twoFreePorts()
    const said = await app.start(local?.code.trim() ?? '', 'Ctrl-C stops', { PORT: String(port) })
    const data = join(app.folder, '.countersign')
    const { issuer, apis } = await readJson<Endpoints>(join(data, 'endpoints.json'))
    expect([issuer, apis]).toEqual([`http://127.0.0.1:${port}`, { Orders: `http://127.0.0.1:${port + 1}` }])

    const lines = firstCall?.code.replace('127.0.0.1:4001', `127.0.0.1:${port + 1}`) ?? ''
    const answer = await app.shell(lines)
    const { client_id } = await readJson<{ client_id: string }>(join(app.folder, 'billing.json'))
    expect(JSON.parse(answer)).toEqual({ caller: client_id })

    const pasted = said
      .slice(said.indexOf('# A token'), said.indexOf('Ctrl-C'))
      .replace('sleep 5; ', 'sleep 5.1; ')
    expect((await app.shell(pasted)).match(/^\d{3}$/gm)).toEqual(['200', '200', '401'])
    // What is secret in the data folder is not to be committed with the app.
    await app.shell('git init --quiet && ! git status --porcelain --untracked-files=all | grep countersign/')

    await app.stop()
    while (existsSync(join(data, 'endpoints.json'))) await wait(20)
  })
})
