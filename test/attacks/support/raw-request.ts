import { once } from 'node:events'
import { connect } from 'node:net'
import type { Answer } from './attacked-stack.ts'

/**
 * Sends bytes as they are, which no HTTP client would: repeated headers, odd spaces, another protocol version. The
 * connection must be closed by `Connection: close` in the request, or by the server.
 */
export async function rawRequest(url: string, text: string | Buffer): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  // Not `end`: a server takes a half-closed connection for a client that went away.
  socket.write(text)
  await once(socket, 'close')
  const received = Buffer.concat(chunks).toString('latin1')
  const [head = '', ...rest] = received.split('\r\n\r\n')
  const [statusLine = '', ...fields] = head.split('\r\n')
  const headers = new Headers()
  for (const field of fields) {
    const colon = field.indexOf(':')
    headers.append(field.slice(0, colon), field.slice(colon + 1).trim())
  }
  const status = Number(statusLine.split(' ')[1] ?? 0)
  return { status, headers, body: rest.join('\r\n\r\n'), requestId: headers.get('apigw-requestid') ?? '' }
}
