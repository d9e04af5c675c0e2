import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What happens to one request: `hang` is never answered, `reset` breaks before anything is applied, `lost` breaks after
 * it was applied, `stall` breaks off in the middle of the answer and keeps the connection.
 */
export type Fault =
  | 'pass'
  | 'hang'
  | 'reset'
  | 'lost'
  | 'stall'
  | { readonly status: number; readonly type: string; readonly headers?: Record<string, string> }
  | { readonly answer: (body: Record<string, unknown>) => object }
  | { readonly before: () => Promise<void> }

export const throttled: Fault = { status: 400, type: 'ThrottlingException' }
export const failing: Fault = { status: 500, type: 'InternalServerError' }

/** A proxy between an AWS client and a local service, which hurts the requests that it is told to. */
export async function startFaultServer(upstream = 'http://127.0.0.1:9') {
  const operations: string[] = []
  const bodies: Record<string, unknown>[] = []
  const queue: Fault[] = []
  let standing: Fault = 'pass'
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    operations.push(String(request.headers['x-amz-target']).split('.').at(-1) ?? '')
    const fault = queue.shift() ?? standing
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    bodies.push(JSON.parse(body.toString() || '{}'))
    if (fault === 'hang') return
    if (fault === 'reset') return void response.destroy()
    if (fault === 'stall') return void response.writeHead(200, { 'content-length': '100' }).write('{')
    if (typeof fault === 'object' && 'status' in fault) {
      return send(response, fault.status, { __type: fault.type, message: 'injected' }, fault.headers)
    }
    const forwarded = await fetch(upstream, {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.0', ...awsHeaders(request) },
      body,
    })
    const answer = (await forwarded.json()) as Record<string, unknown>
    if (fault === 'lost') return void response.destroy()
    if (typeof fault === 'object' && 'before' in fault) await fault.before().finally(() => response.destroy())
    else send(response, forwarded.status, typeof fault === 'object' ? fault.answer(answer) : answer)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The operations asked for, in order: `GetItem`. */
    operations,
    /** The bodies of the requests, in order. */
    bodies,
    /** What happens to the next requests, one each. */
    next(...faults: Fault[]): void {
      queue.push(...faults)
    },
    /** What happens to every request for which nothing else was said. */
    always(fault: Fault): void {
      standing = fault
    },
    reset(): void {
      operations.length = 0
      bodies.length = 0
      queue.length = 0
      standing = 'pass'
    },
    async close(): Promise<void> {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

export type FaultServer = Awaited<ReturnType<typeof startFaultServer>>

function awsHeaders({ headers }: IncomingMessage): Record<string, string> {
  const names = ['x-amz-target', 'x-amz-date', 'authorization']
  return Object.fromEntries(names.map(name => [name, String(headers[name] ?? '')]))
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
