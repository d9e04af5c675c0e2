import { type ChildProcess, fork } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { FunctionConfiguration } from './configuration.ts'
import type { LogFile } from './log-file.ts'

const bootstrap = fileURLToPath(new URL('bootstrap.mjs', import.meta.url))

/** Longer than Lambda's 10 s: a loaded two-core machine starts functions slower than Lambda does. */
const longestInitMilliseconds = 30_000

/** How an invocation failed: the payload that Lambda answers with. */
export interface InvocationFailure {
  errorType: string
  errorMessage: string
  trace?: string[]
}

/** What one invocation came to. `payload` is JSON text; a function without a result answers `null`. */
export type InvocationOutcome = { payload: string } | { failure: InvocationFailure }

/** One event on its way into a function. */
export interface Invocation {
  requestId: string
  /** JSON text. */
  event: string
}

type Message =
  | { ready: true }
  | { fatal: InvocationFailure }
  | { requestId: string; payload: string }
  | { requestId: string; failure: InvocationFailure }

/**
 * One execution environment of a function: a Node process that loaded the handler once and takes one
 * invocation at a time. It is of no use after a timeout, a crash or a failed init: `onExit` is called then.
 */
export class FunctionProcess {
  readonly #configuration: FunctionConfiguration
  readonly #child: ChildProcess
  readonly #log: LogFile
  readonly #onExit: () => void
  readonly #exited: Promise<unknown>
  readonly #timer: { current?: NodeJS.Timeout } = {}
  #initialised: ((failure?: InvocationFailure) => void) | undefined
  #current: { requestId: string; settle: (outcome: InvocationOutcome) => void } | undefined
  #alive = true

  /** `undefined` when the handler is ready to be invoked, else why it is not; the process ended then. */
  readonly initialisation: Promise<InvocationFailure | undefined>

  constructor(
    configuration: FunctionConfiguration,
    environment: Record<string, string>,
    log: LogFile,
    onExit: () => void,
  ) {
    this.#configuration = configuration
    this.#log = log
    this.#onExit = onExit
    this.#child = fork(bootstrap, [configuration.moduleFile, configuration.exportName, configuration.arn], {
      cwd: configuration.codeFolder,
      env: environment,
      // The parent may run under a loader of its own; the function runs under plain Node, as on Lambda.
      execArgv: [`--max-old-space-size=${configuration.memoryMegabytes}`],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.initialisation = new Promise(resolve => {
      this.#initialised = failure => {
        this.#initialised = undefined
        clearTimeout(this.#timer.current)
        resolve(failure)
      }
    })
    // Not the event `close`, which does not come after `disconnect`.
    this.#exited = Promise.all([
      new Promise<void>(resolve => this.#child.once('exit', () => resolve()).once('error', () => resolve())),
      ...[this.#child.stdout, this.#child.stderr].map(
        stream => stream && new Promise<void>(resolve => stream.once('close', resolve)),
      ),
    ])
    this.#child.on('message', message => this.#receive(message as Message))
    this.#child.on('exit', (code, signal) => this.#ended(code, signal))
    this.#child.on('error', error => this.#broken(error))
    this.#captureOutput(this.#child.stdout, 'INFO')
    this.#captureOutput(this.#child.stderr, 'WARN')
    this.#limit(longestInitMilliseconds, `Init timed out after ${longestInitMilliseconds / 1000} seconds`)
  }

  get pid(): number | undefined {
    return this.#alive ? this.#child.pid : undefined
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Runs one invocation. The process must be initialised and idle. */
  invoke(invocation: Invocation): Promise<InvocationOutcome> {
    const { timeoutSeconds } = this.#configuration
    return new Promise(settle => {
      this.#current = { requestId: invocation.requestId, settle }
      if (!this.#alive) {
        this.#fail(exitFailure(null, null))
        return
      }
      this.#limit(timeoutSeconds * 1000, `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`)
      this.#child.send({ ...invocation, deadline: Date.now() + timeoutSeconds * 1000 })
    })
  }

  /** Ends the process: with its consent for `graceMilliseconds`, then without. */
  async close(graceMilliseconds = 1000): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), graceMilliseconds)
    await this.#exited
    clearTimeout(kill)
  }

  #receive(message: Message): void {
    if ('ready' in message) this.#initialised?.()
    else if ('fatal' in message) this.#abandon(message.fatal)
    else if (this.#current?.requestId === message.requestId) this.#settle(message)
  }

  #settle(message: { payload: string } | { failure: InvocationFailure }): void {
    const current = this.#current
    this.#current = undefined
    clearTimeout(this.#timer.current)
    current?.settle('payload' in message ? { payload: message.payload } : { failure: message.failure })
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    const unexpected = this.#current !== undefined || this.#initialised !== undefined
    const failure = exitFailure(code, signal)
    if (this.#alive && unexpected)
      this.#log.write({
        level: 'ERROR',
        message: failure.errorMessage,
        errorType: failure.errorType,
        requestId: this.#current?.requestId,
      })
    this.#abandon(failure)
  }

  /** The process ran for too long: Lambda ends it, whatever it is doing. */
  #limit(milliseconds: number, message: string): void {
    clearTimeout(this.#timer.current)
    this.#timer.current = setTimeout(() => {
      const requestId = this.#current?.requestId
      this.#log.write({ level: 'ERROR', message, errorType: 'Sandbox.Timedout', requestId })
      this.#abandon({
        errorType: 'Sandbox.Timedout',
        errorMessage: requestId === undefined ? message : `RequestId: ${requestId} Error: ${message}`,
      })
      this.#child.kill('SIGKILL')
    }, milliseconds)
  }

  #broken(error: Error): void {
    this.#abandon({ errorType: 'Runtime.ExitError', errorMessage: error.message })
    this.#child.kill('SIGKILL')
  }

  #abandon(failure: InvocationFailure): void {
    const wasAlive = this.#alive
    this.#alive = false
    clearTimeout(this.#timer.current)
    if (wasAlive) this.#onExit()
    this.#initialised?.(failure)
    this.#fail(failure)
  }

  #fail(failure: InvocationFailure): void {
    const current = this.#current
    this.#current = undefined
    current?.settle({ failure })
  }

  #captureOutput(stream: Readable | null, level: string): void {
    if (stream !== null) this.#log.capture(stream, () => ({ level, requestId: this.#current?.requestId }))
  }
}

function exitFailure(code: number | null, signal: NodeJS.Signals | null): InvocationFailure {
  const how = signal === null ? `exit status ${code ?? 'unknown'}` : `signal: ${signal}`
  return { errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with error: ${how}` }
}
