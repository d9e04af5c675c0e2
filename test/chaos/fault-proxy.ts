import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Milliseconds } from './history.ts'
import type { Random } from './random.ts'

/**
 * What happens to a request on its way to the store: `reset` breaks before it is applied, `lost` after; `duplicate`
 * applies it twice and gives the first answer; `truncate` breaks off in the middle of the answer.
 */
export const storeFaults = [
  'throttle',
  'error',
  'unavailable',
  'delay',
  'hang',
  'reset',
  'lost',
  'duplicate',
  'truncate',
] as const

export type StoreFault = (typeof storeFaults)[number]

interface Stored {
  readonly status: number
  readonly body: Buffer
}

const refusals = {
  throttle: { status: 400, type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException' },
  error: { status: 500, type: 'com.amazonaws.dynamodb.v20120810#InternalServerError' },
  unavailable: { status: 503, type: 'ServiceUnavailable' },
}

/** A proxy between the functions and the store, at one address while the store behind it comes and goes. */
export class FaultProxy {
  readonly #server = createServer((incoming, response) => {
    this.#handle(incoming, response).catch(() => response.destroy())
  })
  readonly #agent = new Agent({ keepAlive: true })
  readonly #random: Random
  #upstream: string | undefined
  #fault: { kind: StoreFault; probability: number } | undefined

  private constructor(random: Random) {
    this.#random = random
  }

  static async start(random: Random): Promise<FaultProxy> {
    const proxy = new FaultProxy(random)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Where the store is; undefined = it is gone. */
  set upstream(url: string | undefined) {
    this.#upstream = url
  }

  /** Hurts requests from now on, with this probability each. */
  hurt(kind: StoreFault, probability: number): void {
    this.#fault = { kind, probability }
  }

  heal(): void {
    this.#fault = undefined
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    this.#agent.destroy()
    await once(this.#server, 'close')
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const fault = this.#fault
    const kind = fault !== undefined && this.#random.chance(fault.probability) ? fault.kind : undefined
    if (kind === 'hang') return
    if (kind === 'reset') return void response.destroy()
    if (kind === 'throttle' || kind === 'error' || kind === 'unavailable') {
      const { status, type } = refusals[kind]
      return answer(response, { status, body: Buffer.from(JSON.stringify({ __type: type, message: kind })) })
    }
    if (kind === 'delay') await new Promise(resolve => setTimeout(resolve, this.#random.between(50, 800)))
    const stored = await this.#forward(incoming, body)
    if (kind === 'duplicate') await this.#forward(incoming, body)
    if (kind === 'lost') return void response.destroy()
    if (kind === 'truncate') {
      response.writeHead(stored.status, headersOf(stored))
      response.write(stored.body.subarray(0, stored.body.length >> 1))
      return void setTimeout(() => response.destroy(), 10 satisfies Milliseconds)
    }
    answer(response, stored)
  }

  #forward(incoming: IncomingMessage, body: Buffer): Promise<Stored> {
    const upstream = this.#upstream
    if (upstream === undefined) throw new Error('the store is gone')
    const { host: _, connection: __, ...headers } = incoming.headers
    return new Promise((resolve, reject) => {
      const outgoing = request(upstream, { method: 'POST', agent: this.#agent, headers }, async stored => {
        const chunks: Buffer[] = []
        try {
          for await (const chunk of stored as AsyncIterable<Buffer>) chunks.push(chunk)
          resolve({ status: stored.statusCode ?? 502, body: Buffer.concat(chunks) })
        } catch (error) {
          reject(error)
        }
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
}

function headersOf({ body }: Stored) {
  return { 'content-type': 'application/x-amz-json-1.0', 'content-length': body.length }
}

function answer(response: ServerResponse, stored: Stored): void {
  response.writeHead(stored.status, headersOf(stored))
  response.end(stored.body)
}
