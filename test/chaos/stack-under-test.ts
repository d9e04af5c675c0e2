import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type DynamoDb, startDynamoDb } from '../../local/dynamodb/engine.ts'
import type { Endpoints } from '../../local/endpoints.ts'
import { isPortFree } from '../../local/free-port.ts'
import { synthesise } from '../../local/synthesise.ts'
import { FaultProxy } from './fault-proxy.ts'
import type { Random } from './random.ts'

const projectDir = fileURLToPath(new URL('../..', import.meta.url))
const stackProcess = fileURLToPath(new URL('../attacks/support/local-stack-process.ts', import.meta.url))

/** How often a start is tried: another program may take a port in between. */
const attempts = 5

/** A process that runs a function of the stack. */
export interface FunctionPid {
  readonly pid: number
  /** What it runs, for people: the last folder of its bundle. */
  readonly name: string
}

/**
 * A whole local stack in a process of its own, its store behind a proxy: each can be killed and started again on the
 * same data and at the same addresses.
 */
export class StackUnderTest {
  readonly dataDir: string
  readonly proxy: FaultProxy
  readonly #port: number
  #child: ChildProcess | undefined
  #store: DynamoDb | undefined
  #endpoints: Endpoints | undefined

  private constructor(dataDir: string, proxy: FaultProxy, port: number) {
    this.dataDir = dataDir
    this.proxy = proxy
    this.#port = port
  }

  /** @param dataDir a folder that exists; it goes with `close` */
  static async start(dataDir: string, random: Random): Promise<StackUnderTest> {
    const proxy = await FaultProxy.start(random)
    const stack = new StackUnderTest(dataDir, proxy, await freePorts(random))
    await synthesise({ projectDir, outputDir: stack.#assemblyDir })
    await stack.startStore()
    await stack.startStack()
    return stack
  }

  get #assemblyDir(): string {
    return join(this.dataDir, 'cdk.out')
  }

  /** The stack's own folder, with its logs. */
  get runDir(): string {
    return join(this.dataDir, 'run')
  }

  get endpoints(): Endpoints {
    if (this.#endpoints === undefined) throw new Error('the stack has not started')
    return this.#endpoints
  }

  /** The store itself, past the proxy. */
  get storeUrl(): string | undefined {
    return this.#store?.url
  }

  async startStore(): Promise<void> {
    this.#store = await startDynamoDb({ dataDir: join(this.dataDir, 'store') })
    this.proxy.upstream = this.#store.url
  }

  /** `kill -9` of the store's process. */
  async killStore(): Promise<void> {
    const store = this.#store
    this.#store = undefined
    this.proxy.upstream = undefined
    if (store?.pid !== undefined) signal(store.pid, 'SIGKILL')
    await store?.close()
  }

  signalStore(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#store?.pid !== undefined) signal(this.#store.pid, name)
  }

  async startStack(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#startStack()
        return
      } catch (error) {
        await this.killStack()
        if (attempt === attempts) throw error
      }
    }
  }

  async #startStack(): Promise<void> {
    const options = { port: this.#port, dataDir: this.runDir, assemblyDir: this.#assemblyDir }
    const child = fork(stackProcess, [JSON.stringify(options)], {
      cwd: projectDir,
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, DYNAMODB_ENDPOINT: this.proxy.url },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    let said = ''
    child.stderr?.on('data', chunk => {
      said = `${said}${chunk}`.slice(-2000)
    })
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the stack ended while it started:\n${said}`)
    })
    const [endpoints] = (await Promise.race([once(child, 'message'), ended])) as [Endpoints]
    ended.catch(() => undefined)
    this.#endpoints = endpoints
  }

  /** `kill -9` of the process that runs everything but the store. */
  async killStack(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  /** The processes of the functions that run now. */
  async functions(): Promise<readonly FunctionPid[]> {
    const parent = this.#child?.pid
    if (parent === undefined) return []
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args='], {
      maxBuffer: 16 * 1024 * 1024,
    })
    return stdout.split('\n').flatMap(line => {
      const [, pid, ppid, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
      if (Number(ppid) !== parent || !args.includes('bootstrap.mjs')) return []
      const name = /function:\S*?([A-Za-z]+?)[0-9A-F]{8}/.exec(args)?.[1] ?? 'function'
      return [{ pid: Number(pid), name }]
    })
  }

  async close(): Promise<void> {
    const child = this.#child
    if (child?.connected === true) {
      const exit = once(child, 'exit')
      child.disconnect()
      await exit
    }
    await this.#store?.close()
    await this.proxy.close()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

/** Sends a signal to a process that may have ended. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** The first of three ports in a row that are free, below those that systems give to outgoing connections. */
async function freePorts(random: Random): Promise<number> {
  for (;;) {
    const port = Math.floor(random.between(20_000, 30_000))
    const free = await Promise.all([port, port + 1, port + 2].map(isPortFree))
    if (free.every(Boolean)) return port
  }
}
