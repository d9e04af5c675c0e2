import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { payloadTooLarge } from './gateway.ts'
import { type GatewayRequest, headOctets, newRequestId, readRequest } from './request.ts'
import { type GatewayResponse, gatewayMessage, internalServerError, serviceUnavailable } from './response.ts'

/** Octets of request line and headers together. */
const largestHeadOctets = 10_240

const largestBodyOctets = 10 * 1024 * 1024

/** An oversized body is read and thrown away up to here, so that its sender gets to read the answer. */
const mostDrainedOctets = 8 * largestBodyOctets

/** Milliseconds that requests under way get to finish when the server ends. */
const closingGraceMilliseconds = 1000

const headTooLarge = gatewayMessage(431, 'Request Header Fields Too Large')

/** A listening server of one API. Until `serve` is called it answers 503. */
export interface GatewayServer {
  port: number
  serve(handle: (request: GatewayRequest) => Promise<GatewayResponse>): void
  close(): Promise<void>
}

/**
 * Listens for an API. `port` 0 takes a free one.
 *
 * @throws `EADDRINUSE` (and other errors of `listen`) as Node reports them
 */
export async function listen(options: { host: string; port: number }): Promise<GatewayServer> {
  let handle: ((request: GatewayRequest) => Promise<GatewayResponse>) | undefined
  const server = createServer(
    // Larger than the limit, which is checked exactly: Node counts neither separators nor the method.
    { maxHeaderSize: 2 * largestHeadOctets, keepAliveTimeout: 75_000, headersTimeout: 30_000, noDelay: true },
    (message, response) => void answer(message, response, handle),
  )
  server.maxHeadersCount = 0
  server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    if (statedLength(message) <= largestBodyOctets) response.writeContinue()
    void answer(message, response, handle)
  })
  server.on('connect', (_, socket) => refuse(socket, gatewayMessage(405, 'Method Not Allowed')))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket, answerTo(error)))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    serve: handler => {
      handle = handler
    },
    close: () => closeServer(server),
  }
}

async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  handle: ((request: GatewayRequest) => Promise<GatewayResponse>) | undefined,
): Promise<void> {
  // A client that goes away in the middle of its request or our response is its own problem.
  message.on('error', () => {})
  response.on('error', () => {})
  try {
    if (headOctets(message) > largestHeadOctets) return finish(response, headTooLarge)
    const body = await readBody(message)
    if (body === undefined) return finish(response, payloadTooLarge)
    if (handle === undefined) return finish(response, serviceUnavailable)
    const request = readRequest(message, body)
    write(response, await handle(request), request.requestId)
  } catch {
    if (!response.headersSent) finish(response, internalServerError)
  }
}

/** `undefined` when it is larger than API Gateway takes. Rejects when the client goes away. */
function readBody(message: IncomingMessage): Promise<Buffer | undefined> | Buffer | undefined {
  const { 'content-length': length, 'transfer-encoding': encoding } = message.headers
  if (length === undefined && encoding === undefined) return emptyBody
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let octets = 0
    message.on('data', (chunk: Buffer) => {
      octets += chunk.length
      if (octets <= largestBodyOctets) chunks.push(chunk)
      else chunks.length = 0
      if (octets > mostDrainedOctets) resolve(undefined)
    })
    message.on('end', () => resolve(octets > largestBodyOctets ? undefined : Buffer.concat(chunks)))
    message.on('close', () => reject(new Error('the client went away')))
    // With `Expect: 100-continue` an oversized body is not even asked for.
    if (statedLength(message) > largestBodyOctets && message.headers.expect !== undefined) resolve(undefined)
  })
}

const emptyBody = Buffer.alloc(0)

function statedLength(message: IncomingMessage): number {
  return Number(message.headers['content-length'] ?? 0)
}

/** Answers and lets the connection end: what follows on it is of no use. */
function finish(response: ServerResponse, answer: GatewayResponse): void {
  response.setHeader('connection', 'close')
  write(response, answer, newRequestId())
}

function write(
  response: ServerResponse,
  { statusCode, headers, body }: GatewayResponse,
  requestId: string,
): void {
  if (response.destroyed) return
  for (const [name, value] of headers) response.appendHeader(name, value)
  response.setHeader('apigw-requestid', requestId)
  response.statusCode = statusCode
  // Stated for HEAD as well, whose response has the headers of a GET (RFC 9110 §9.3.2).
  if (statusCode !== 204 && statusCode !== 304) response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}

function answerTo(error: NodeJS.ErrnoException): GatewayResponse {
  if (error.code === 'HPE_HEADER_OVERFLOW') return headTooLarge
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return gatewayMessage(408, 'Request Timeout')
  return gatewayMessage(400, 'Bad Request')
}

/** Answers where Node made no response object: a request that is none, or `CONNECT`. */
function refuse(socket: Duplex, { statusCode, headers, body }: GatewayResponse): void {
  socket.on('error', () => {})
  if (!socket.writable) return void socket.destroy()
  const fields = [
    ...headers,
    ['apigw-requestid', newRequestId()],
    ['content-length', String(body.length)],
    ['connection', 'close'],
  ]
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${head}\r\n${body}`)
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  server.closeIdleConnections()
  const kill = setTimeout(() => server.closeAllConnections(), closingGraceMilliseconds)
  await closed
  clearTimeout(kill)
}
