import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface RawServer {
  readonly port: number
  readonly origin: string
  /** What each connection sent, in the order in which they were opened. */
  readonly received: string[]
  /** Resolves when every connection that was opened so far is closed. */
  allClosed(): Promise<void>
}

/**
 * A TCP server on 127.0.0.1 that lasts as long as the test. It gives its answer when a request's head has ended.
 *
 * @param answer octets to send, or what to do with the connection
 */
export async function startRawServer(
  answer: string | Buffer | ((socket: Socket) => void),
): Promise<RawServer> {
  const received: string[] = []
  const closings: Promise<unknown>[] = []
  const server = createServer(socket => {
    const index = received.push('') - 1
    closings.push(new Promise(resolve => socket.once('close', resolve)))
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      received[index] += chunk.toString('latin1')
      if (!received[index]?.endsWith('\r\n\r\n')) return
      if (typeof answer === 'function') answer(socket)
      else socket.end(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const allClosed = async () => void (await Promise.all(closings))
  return { port, origin: `http://127.0.0.1:${port}`, received, allClosed }
}

/** An HTTP answer, with its length unless the headers say something about it. */
export function answerOf(
  status: string,
  headers: Record<string, string>,
  body: string | Buffer = '',
): Buffer {
  const names = Object.keys(headers).map(name => name.toLowerCase())
  const framed = names.includes('content-length') || names.includes('transfer-encoding')
  const all = { ...(framed ? {} : { 'content-length': String(Buffer.byteLength(body)) }), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`), Buffer.from(body)])
}
