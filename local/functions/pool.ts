import { randomBytes, randomUUID } from 'node:crypto'
import type { FunctionConfiguration } from './configuration.ts'
import { functionEnvironment, type LocalAccount } from './environment.ts'
import { LogFile } from './log-file.ts'
import {
  FunctionProcess,
  type Invocation,
  type InvocationFailure,
  type InvocationOutcome,
} from './process.ts'

interface Waiting {
  invocation: Invocation
  settle: (outcome: InvocationOutcome) => void
}

/**
 * One function: its execution environments, made on demand up to a limit, and the invocations that wait for
 * one. Where Lambda would answer "too many requests", the local run lets them wait.
 */
export class FunctionPool {
  readonly configuration: FunctionConfiguration
  readonly #account: LocalAccount
  readonly #limit: number
  readonly #log: LogFile
  readonly #processes = new Set<FunctionProcess>()
  readonly #idle: FunctionProcess[] = []
  readonly #waiting: Waiting[] = []
  /** Processes whose end has not been awaited yet. */
  readonly #endings = new Set<Promise<void>>()
  #starting = 0
  #closed = false

  /** @param concurrency most processes at a time */
  constructor(
    configuration: FunctionConfiguration,
    account: LocalAccount,
    options: { logPath: string; concurrency: number },
  ) {
    this.configuration = configuration
    this.#account = account
    this.#limit = Math.max(1, Math.min(options.concurrency, configuration.reservedConcurrency ?? Infinity))
    this.#log = new LogFile(options.logPath)
  }

  /** Starts the first process ahead of the first invocation. Resolves to the reason where that failed. */
  async warm(): Promise<InvocationFailure | undefined> {
    const [idle] = this.#idle
    return idle === undefined ? this.#start() : undefined
  }

  /** Runs the function once. Failures of any kind are values: this does not reject. */
  invoke(event: string): Promise<InvocationOutcome> {
    const invocation = { requestId: randomUUID(), event }
    if (this.#closed)
      return Promise.resolve({
        failure: { errorType: 'Runtime.ExitError', errorMessage: 'the local run is ending' },
      })
    // The most recently used one: its caches are the freshest.
    const process = this.#idle.pop()
    if (process !== undefined) return this.#run(process, invocation)
    return new Promise(settle => {
      this.#waiting.push({ invocation, settle })
      this.#grow()
    })
  }

  processIds(): number[] {
    return [...this.#processes].flatMap(process => process.pid ?? [])
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { settle } of this.#waiting.splice(0))
      settle({ failure: { errorType: 'Runtime.ExitError', errorMessage: 'the local run is ending' } })
    for (const process of this.#processes) this.#end(process)
    await Promise.all(this.#endings)
    this.#log.close()
  }

  #grow(): void {
    while (!this.#closed && this.#starting < this.#waiting.length && this.#processes.size < this.#limit)
      void this.#start()
  }

  async #start(): Promise<InvocationFailure | undefined> {
    const { configuration } = this
    const environment = functionEnvironment(configuration, this.#account, logStreamName())
    const process: FunctionProcess = new FunctionProcess(configuration, environment, this.#log, () =>
      this.#forget(process),
    )
    this.#processes.add(process)
    this.#starting += 1
    const failure = await process.initialisation
    this.#starting -= 1
    if (failure === undefined) this.#release(process)
    // On Lambda it is the invocation that asked for the environment which fails with it.
    else this.#waiting.shift()?.settle({ failure })
    this.#grow()
    return failure
  }

  async #run(process: FunctionProcess, invocation: Invocation): Promise<InvocationOutcome> {
    const outcome = await process.invoke(invocation)
    this.#release(process)
    return outcome
  }

  #release(process: FunctionProcess): void {
    if (!process.alive) return
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(process)
    else void this.#run(process, next.invocation).then(next.settle)
  }

  /** A process ended by itself, or had to be ended. */
  #forget(process: FunctionProcess): void {
    this.#processes.delete(process)
    const idle = this.#idle.indexOf(process)
    if (idle >= 0) this.#idle.splice(idle, 1)
    this.#end(process)
    this.#grow()
  }

  #end(process: FunctionProcess): void {
    const ending = process.close().finally(() => this.#endings.delete(ending))
    this.#endings.add(ending)
  }
}

function logStreamName(): string {
  return `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`
}
