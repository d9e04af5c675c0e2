import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isPortFree } from '../../local/free-port.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

export async function readJson<Content>(path: string): Promise<Content> {
  return JSON.parse(await readFile(path, 'utf8'))
}

/** The code of a README section, fence by fence. */
export async function codeOf(section: string): Promise<{ language: string; code: string }[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const text = readme.split(/^## /m).find(each => each.startsWith(`${section}\n`)) ?? ''
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }))
}

/**
 * Somebody else's folder outside the repository, with a CDK app as `cdk init` makes it. Nothing comes from a network:
 * what the package and the app need is linked to the packages that are installed here, by `file:` dependencies, which
 * npm checks against what the package asks for as it would the registry's. What is not linked cannot be imported.
 */
export class ConsumerApp {
  readonly folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #children: ChildProcess[] = []

  private constructor(parent: string) {
    this.folder = join(parent, 'my-app')
    const { npm_lifecycle_event: _, VITEST: __, NODE_ENV: ___, ...env } = process.env
    const quiet = { npm_config_update_notifier: 'false', CDK_DISABLE_CLI_TELEMETRY: 'true' }
    this.#env = { ...env, ...quiet, npm_config_offline: 'true', HOME: parent }
  }

  /** `parent` stands for the folder that the clone and the app lie in side by side. */
  static async create(): Promise<{ app: ConsumerApp; parent: string }> {
    const parent = await mkdtemp(join(tmpdir(), 'countersign-package-'))
    const app = new ConsumerApp(parent)
    await mkdir(app.folder)
    return { app, parent }
  }

  /** What `cdk init` writes and npm would fetch, taken from here; jest, which nothing here runs, left out. */
  async useInstalledPackages({
    dependencies,
    optionalDependencies,
    peerDependencies,
  }: Manifest): Promise<void> {
    const path = join(this.folder, 'package.json')
    const linked = (names: string[]) =>
      Object.fromEntries(names.map(name => [name, `file:${join(root, 'node_modules', name)}`]))
    const names = [dependencies, optionalDependencies, peerDependencies].flatMap(Object.keys)
    await writeFile(
      path,
      JSON.stringify({
        ...(await readJson<object>(path)),
        dependencies: linked(names),
        devDependencies: linked(['typescript', 'tsx', '@types/node']),
      }),
    )
    const tsconfig = join(this.folder, 'tsconfig.json')
    const { compilerOptions, ...others } = await readJson<{ compilerOptions: object }>(tsconfig)
    // The declarations of the package are checked too.
    const options = { ...compilerOptions, types: ['node'], skipLibCheck: false }
    await writeFile(
      tsconfig,
      JSON.stringify({ ...others, compilerOptions: options, exclude: ['node_modules', 'test'] }),
    )
  }

  /** Runs a program in the app's folder and gives what it printed. @throws with both outputs where it fails */
  async run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const options = { cwd: this.folder, env: { ...this.#env, ...env } }
    const { stdout } = await promisify(execFile)(command, args, options).catch(error => {
      throw new Error(`${[command, ...args].join(' ')}: ${error.message}\n${error.stdout}${error.stderr}`)
    })
    return stdout
  }

  /** Runs lines as a shell takes them. */
  shell(lines: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    return this.run('bash', ['-euo', 'pipefail', '-c', lines], env)
  }

  /** Starts a line of a shell and waits until it prints `expected` on standard output; gives all of that. */
  async start(line: string, expected: string, env: NodeJS.ProcessEnv): Promise<string> {
    const child = spawn('bash', ['-c', `exec ${line}`], {
      cwd: this.folder,
      env: { ...this.#env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#children.push(child)
    let [printed, said] = ['', '']
    child.stderr.on('data', chunk => {
      said += chunk
    })
    for await (const chunk of child.stdout) {
      printed += chunk
      if (printed.includes(expected)) return printed
    }
    throw new Error(`${line} ended before it was ready:\n${printed}${said}`)
  }

  /** Ends what was started, as `kill` does, and resolves to the exit codes. */
  async stop(): Promise<unknown[]> {
    const running = this.#children.splice(0)
    return Promise.all(
      running.map(async child => {
        if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        return (await ended)[0]
      }),
    )
  }
}

/** The first of two free ports in a row, below the ephemeral range, so that nothing else takes them meanwhile. */
export async function twoFreePorts(): Promise<number> {
  for (let port = 30_000 + (process.pid % 1000) * 2; ; port += 2) {
    const areFree = await Promise.all([port, port + 1].map(isPortFree))
    if (areFree.every(Boolean)) return port
  }
}
