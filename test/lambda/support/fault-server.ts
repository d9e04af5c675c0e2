import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultChoice, type FaultSelection } from './fault-choice.ts'

/**
 * What happens to one request:
 *
 * - `hang` is never answered, `delay` (milliseconds) is applied and answered late
 * - `reset` breaks before anything is applied, `lost` breaks after it was applied
 * - `stall` breaks off in the middle of the answer and keeps the connection, `truncate` was applied and closes it there
 * - `dup` is applied twice, as a request that is delivered twice; what comes back is the second answer
 * - `stale` finds nothing where it reads, as a replica that is behind; writes pass
 * - `processes` leaves all but so many keys of a BatchGetItem unprocessed; everything else passes
 */
export type Fault =
  | 'pass'
  | 'hang'
  | 'reset'
  | 'lost'
  | 'stall'
  | 'truncate'
  | 'dup'
  | 'stale'
  | { readonly delay: number }
  | { readonly processes: number }
  | { readonly status: number; readonly type: string; readonly headers?: Record<string, string> }
  | { readonly answer: (body: Record<string, unknown>) => object }
  | { readonly before: () => Promise<void> }

export const throttled: Fault = { status: 400, type: 'ThrottlingException' }
export const failing: Fault = { status: 500, type: 'InternalServerError' }
export const overloaded: Fault = { status: 503, type: 'ServiceUnavailable' }
export const denied: Fault = { status: 400, type: 'AccessDeniedException' }
export const noTable: Fault = { status: 400, type: 'ResourceNotFoundException' }

/** What KMS says of a key, or does to a signature. */
export const kmsFaults = {
  disabled: { status: 400, type: 'DisabledException' },
  pendingDeletion: { status: 400, type: 'KMSInvalidStateException' },
  keyUnavailable: { status: 500, type: 'KeyUnavailableException' },
  failing: { status: 500, type: 'KMSInternalException' },
  throttled,
  corrupted: { answer: answer => ({ ...answer, Signature: withBitFlipped(String(answer.Signature)) }) },
} as const satisfies Record<string, Fault>

type Body = Record<string, unknown>

/** A proxy between an AWS client and a local service, which hurts the requests that it is told to. */
export async function startFaultServer(upstream = 'http://127.0.0.1:9') {
  const operations: string[] = []
  const bodies: Body[] = []
  const choice = new FaultChoice()
  let connections = 0
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? ''
    operations.push(operation)
    const planned = choice.takeNext()
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const body: Body = JSON.parse(text || '{}')
    bodies.push(body)
    const fault = planned ?? choice.choose(operation, body)
    if (fault === 'hang') return
    if (fault === 'reset') return void response.destroy()
    if (fault === 'stall') return void response.writeHead(200, { 'content-length': '100' }).write('{')
    if (fault === 'stale' && reads.has(operation)) return send(response, 200, nothingFound(body))
    if (typeof fault === 'object' && 'status' in fault) {
      return send(response, fault.status, { __type: fault.type, message: 'injected' }, fault.headers)
    }
    if (typeof fault === 'object' && 'processes' in fault && operation === 'BatchGetItem') {
      const { first, rest } = splitBatch(body, fault.processes)
      const none = { status: 200, answer: { Responses: {} } }
      const { status, answer } = isEmpty(first) ? none : await forward(request, JSON.stringify(first))
      return send(response, status, { ...answer, UnprocessedKeys: rest })
    }
    if (fault === 'dup') await forward(request, text)
    const { status, answer } = await forward(request, text)
    if (fault === 'lost') return void response.destroy()
    if (fault === 'truncate') return truncate(response, status, answer)
    if (typeof fault === 'object' && 'delay' in fault) await sleep(fault.delay)
    if (typeof fault === 'object' && 'before' in fault) await fault.before().finally(() => response.destroy())
    else
      send(response, status, typeof fault === 'object' && 'answer' in fault ? fault.answer(answer) : answer)
  }

  async function forward(request: IncomingMessage, body: string): Promise<{ status: number; answer: Body }> {
    const forwarded = await fetch(upstream, {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.0', ...awsHeaders(request) },
      body,
    })
    return { status: forwarded.status, answer: (await forwarded.json()) as Body }
  }

  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The operations asked for, in order: `GetItem`. */
    operations,
    /** The bodies of the requests, in order. */
    bodies,
    /** How many connections were opened so far. */
    get connections(): number {
      return connections
    },
    /** What happens to the next requests, one each. */
    next(...faults: Fault[]): void {
      choice.next(...faults)
    },
    /** What happens to the requests that are selected; the first that was said and applies. */
    on(fault: Fault, selection: FaultSelection): void {
      choice.on(fault, selection)
    },
    /** What happens to every request for which nothing else was said. */
    always(fault: Fault): void {
      choice.always(fault)
    },
    reset(): void {
      operations.length = 0
      bodies.length = 0
      choice.reset()
    },
    async close(): Promise<void> {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

export type FaultServer = Awaited<ReturnType<typeof startFaultServer>>

const reads = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan'])

/** What a read answers that finds none of its items; each operation takes its own members of it. */
function nothingFound({ RequestItems }: Body): object {
  const tables = Object.keys(Object(RequestItems)).map(table => [table, []])
  return RequestItems === undefined
    ? { Items: [], Count: 0, ScannedCount: 0 }
    : { Responses: Object.fromEntries(tables), UnprocessedKeys: {} }
}

/** Splits the keys of a batch in two: the first ones, and the others. */
function splitBatch({ RequestItems, ...settings }: Body, count: number): { first: Body; rest: Body } {
  const first: Body = {}
  const rest: Body = {}
  let left = count
  for (const [table, request] of Object.entries(
    Object(RequestItems) as Record<string, { Keys: unknown[] }>,
  )) {
    const processed = request.Keys.slice(0, left)
    const others = request.Keys.slice(left)
    left -= processed.length
    if (processed.length > 0) first[table] = { ...request, Keys: processed }
    if (others.length > 0) rest[table] = { ...request, Keys: others }
  }
  return { first: { ...settings, RequestItems: first }, rest }
}

function isEmpty({ RequestItems }: Body): boolean {
  return Object.keys(Object(RequestItems)).length === 0
}

function withBitFlipped(base64: string): string {
  const octets = Buffer.from(base64, 'base64')
  return Buffer.from(octets.with(-1, (octets.at(-1) ?? 0) ^ 1)).toString('base64')
}

function awsHeaders({ headers }: IncomingMessage): Record<string, string> {
  const names = ['x-amz-target', 'x-amz-date', 'authorization']
  return Object.fromEntries(names.map(name => [name, String(headers[name] ?? '')]))
}

/** Half of the answer, and the end of the connection. */
function truncate(response: ServerResponse, status: number, answer: object): void {
  const text = JSON.stringify(answer)
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'content-length': String(text.length) }
  response.writeHead(status, headers).write(text.slice(0, text.length / 2), () => response.destroy())
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers?: Record<string, string>,
): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', ...headers })
  response.end(JSON.stringify(body))
}
