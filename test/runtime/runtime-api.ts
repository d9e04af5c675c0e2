import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** What became of an invocation, or of the start of the function. */
export type Outcome =
  | { readonly result: unknown }
  | { readonly failure: { readonly errorType: string; readonly errorMessage: string } }

const prefix = '/2018-06-01/runtime'

/** Lambda's Runtime API, as one execution environment sees it: one invocation at a time. */
export class RuntimeApi {
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  readonly #invocations: { event: unknown; settle: (outcome: Outcome) => void }[] = []
  #next: ServerResponse | undefined
  #started: (failure?: Outcome) => void = () => undefined
  #count = 0

  /** `undefined` when the runtime asks for its first invocation, else why the function did not start. */
  readonly initialisation = new Promise<Outcome | undefined>(resolve => {
    this.#started = resolve
  })

  static async listen(): Promise<RuntimeApi> {
    const api = new RuntimeApi()
    api.#server.listen(0, '127.0.0.1')
    await once(api.#server, 'listening')
    return api
  }

  /** The value of AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  invoke(event: unknown): Promise<Outcome> {
    return new Promise(settle => {
      this.#invocations.push({ event, settle })
      this.#deliver()
    })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    if (path === `${prefix}/invocation/next`) {
      this.#started()
      this.#next = response
      this.#deliver()
      return
    }
    const document = await json(request)
    if (path === `${prefix}/init/error`) this.#started(failureOf(document))
    else if (path.endsWith('/response')) this.#invocations.shift()?.settle({ result: document })
    else if (path.endsWith('/error')) this.#invocations.shift()?.settle(failureOf(document))
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}')
  }

  #deliver(): void {
    const [invocation] = this.#invocations
    const next = this.#next
    if (invocation === undefined || next === undefined) return
    this.#next = undefined
    this.#count += 1
    next.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': `00000000-0000-4000-8000-${String(this.#count).padStart(12, '0')}`,
      'lambda-runtime-deadline-ms': String(Date.now() + 30_000),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:tested',
      'lambda-runtime-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0',
    })
    next.end(JSON.stringify(invocation.event))
  }
}

function failureOf(document: unknown): Outcome {
  return { failure: document as { errorType: string; errorMessage: string } }
}
