import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { synthesise } from '../../local/synthesise.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'countersign-synthesise-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A project whose app is a line of JavaScript. */
async function projectOf(code: string): Promise<string> {
  const path = await folder()
  const app = `node -e "${code}"`
  await writeFile(join(path, 'cdk.json'), JSON.stringify({ app, context: { colour: 'green' } }))
  return path
}

describe('the synthesis of a local run', () => {
  it('makes the assembly that cdk synth makes', { timeout: 90_000 }, async () => {
    const parent = await folder()
    const [own, commandLine] = [join(parent, 'own'), join(parent, 'cdk')]
    await synthesise({ projectDir: root, outputDir: own })
    const cdk = join(root, 'node_modules/aws-cdk/bin/cdk')
    await promisify(execFile)(process.execPath, [cdk, 'synth', '--quiet', '--output', commandLine], {
      cwd: root,
    })
    // Reports of the command line's own, which a local run does not wait for.
    const others = ['validation-report.json', 'performance-counters.json']
    const names = async (path: string) =>
      (await readdir(path)).filter(name => !name.endsWith('.lock') && !others.includes(name)).sort()
    expect(await names(own)).toEqual(await names(commandLine))
    for (const file of ['Countersign.template.json', 'Countersign.assets.json']) {
      const [mine, theirs] = await Promise.all(
        [own, commandLine].map(path => readFile(join(path, file), 'utf8')),
      )
      expect(mine).toBe(theirs)
    }
  })

  it('gives the app the context of cdk.json, and replaces what was there, unfinished ones too', async () => {
    const write =
      "require('fs').writeFileSync(process.env.CDK_OUTDIR + '/context', process.env.CDK_CONTEXT_JSON)"
    const projectDir = await projectOf(write)
    const parent = await folder()
    const outputDir = join(parent, 'cdk.out')
    await mkdir(join(outputDir, 'old'), { recursive: true })
    await mkdir(join(parent, '.synthesising-killed', 'asset'), { recursive: true })
    await synthesise({ projectDir, outputDir })
    expect(await readdir(outputDir)).toEqual(['context'])
    expect(JSON.parse(await readFile(join(outputDir, 'context'), 'utf8'))).toEqual({
      colour: 'green',
      'aws:cdk:enable-path-metadata': true,
      'aws:cdk:enable-asset-metadata': true,
    })
    expect(await readdir(parent)).toEqual(['cdk.out'])
  })

  it('adds cdk.context.json, and the account and Region of the local run', async () => {
    const projectDir = await projectOf(
      "require('fs').writeFileSync(process.env.CDK_OUTDIR + '/seen', JSON.stringify(process.env))",
    )
    await writeFile(join(projectDir, 'cdk.context.json'), JSON.stringify({ colour: 'red', looked: 'up' }))
    const outputDir = join(await folder(), 'cdk.out')
    await synthesise({ projectDir, outputDir, region: 'eu-west-1' })
    const seen = JSON.parse(await readFile(join(outputDir, 'seen'), 'utf8'))
    expect(JSON.parse(seen.CDK_CONTEXT_JSON)).toMatchObject({ colour: 'green', looked: 'up' })
    expect(seen).toMatchObject({ CDK_DEFAULT_ACCOUNT: '000000000000', CDK_DEFAULT_REGION: 'eu-west-1' })
  })

  it('takes another command than that of cdk.json, and says so when there is none', async () => {
    const [projectDir, parent] = [await folder(), await folder()]
    const outputDir = join(parent, 'cdk.out')
    const told = 'run this in the folder of a CDK app, or say with --app what synthesises it'
    const refused = (reason: string) =>
      expect(synthesise({ projectDir, outputDir })).rejects.toThrow(`${reason}: ${told}`)
    await refused(`there is no cdk.json in ${projectDir}`)
    await writeFile(join(projectDir, 'cdk.json'), '{}')
    await refused('cdk.json has no "app"')
    await synthesise({ projectDir, outputDir, app: 'touch "$CDK_OUTDIR/made"' })
    expect(await readdir(outputDir)).toEqual(['made'])
    await writeFile(join(projectDir, 'cdk.json'), '{')
    await expect(synthesise({ projectDir, outputDir })).rejects.toThrow(
      `${join(projectDir, 'cdk.json')} cannot be read: `,
    )
  })

  it('that fails is an error with what the app printed', async () => {
    const projectDir = await projectOf("console.error('no such stack'); process.exit(3)")
    const failed = synthesise({ projectDir, outputDir: join(await folder(), 'cdk.out') })
    await expect(failed).rejects.toThrow('the app failed (exit code 3):\nno such stack')
  })

  it('ends with everything it started when it is given up', async () => {
    const projectDir = await projectOf('setInterval(() => {}, 1000)')
    const giveUp = new AbortController()
    const outputDir = join(await folder(), 'cdk.out')
    const given = synthesise({ projectDir, outputDir, signal: giveUp.signal })
    const asserted = expect(given).rejects.toThrow('the app failed')
    setTimeout(() => giveUp.abort(), 100)
    await asserted
  })
})
