import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'

/** What the CDK command line adds to the context of cdk.json: without it the templates name no paths. */
const commandLineContext = {
  'aws:cdk:enable-path-metadata': true,
  'aws:cdk:enable-asset-metadata': true,
}

/** It names an account and a Region for stacks that take them from these variables. */
const environmentOf = (region: string) => ({
  CDK_DEFAULT_ACCOUNT: '000000000000',
  CDK_DEFAULT_REGION: region,
})

const prefix = '.synthesising-'

export interface SynthesiseOptions {
  /** The project's folder, with cdk.json in it. */
  projectDir: string
  /** The command to synthesise with. @default - `app` of cdk.json */
  app?: string
  /** @default us-east-1 */
  region?: string
  /** Absolute path of the cloud assembly; what is there is replaced. The folder around it must exist. */
  outputDir: string
  /** Ends the synthesis. */
  signal?: AbortSignal
}

/**
 * Synthesises the app by the command of cdk.json, with its context and that of cdk.context.json. `cdk synth` makes
 * the same assembly in more time: it runs this very command.
 *
 * @throws Error when there is no command, or with what the app printed, when it fails
 */
export async function synthesise(options: SynthesiseOptions): Promise<void> {
  const { projectDir, outputDir, region = 'us-east-1', signal } = options
  const settings = await readJson(join(projectDir, 'cdk.json'))
  const app = options.app ?? settings?.app
  if (typeof app !== 'string' || app === '') {
    const lack = settings === undefined ? `there is no cdk.json in ${projectDir}` : 'cdk.json has no "app"'
    throw new Error(`${lack}: run this in the folder of a CDK app, or say with --app what synthesises it`)
  }
  const context = {
    ...(await readJson(join(projectDir, 'cdk.context.json'))),
    ...(settings?.context as object | undefined),
    ...commandLineContext,
  }
  // Elsewhere first: the synthesis of a run that was killed may still be writing.
  const parent = dirname(outputDir)
  await removeUnfinished(parent)
  const unfinished = await mkdtemp(join(parent, prefix))
  const child = spawn(app, {
    shell: true,
    cwd: projectDir,
    // A process group of its own, which can be ended with all that the command starts.
    detached: true,
    env: {
      ...process.env,
      CDK_OUTDIR: unfinished,
      ...environmentOf(region),
      CDK_CONTEXT_JSON: JSON.stringify(context),
      // CDK's own rules change no template and take over a second; `cdk synth` and `cdk deploy` run them.
      CDK_VALIDATION: 'false',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endGroup = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  signal?.addEventListener('abort', endGroup)
  const printed = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await once(child, 'close')
  signal?.removeEventListener('abort', endGroup)
  if (code !== 0) {
    const output = (await printed).join('').trim()
    throw new Error(`the app failed (exit code ${code}):\n${output}`)
  }
  await rm(outputDir, { recursive: true, force: true })
  await rename(unfinished, outputDir)
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

async function removeUnfinished(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter(name => name.startsWith(prefix))
  await Promise.all(
    names.map(name => rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 })),
  )
}
