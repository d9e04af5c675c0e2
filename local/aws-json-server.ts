// A stand-in for one AWS service: the AWS JSON 1.1 protocol. Any credentials are taken, so it listens on
// loopback only, and to its own name.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const bodyAtMost = 1024 * 1024

/** A refusal as the service words it: `code` is the exception's name in its API reference. */
export class AwsError extends Error {
  override name = 'AwsError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The members of one request, as parsed from its JSON body: nothing about them is known yet. */
export type AwsRequest = Readonly<Record<string, unknown>>

export interface AwsJsonService {
  /** How messages call it: `local KMS`. */
  readonly name: string
  /** What comes before the operation in `x-amz-target`: `TrentService`. */
  readonly target: string
  /** The name of its exception for failures of its own. */
  readonly internalError: string
  /** Answers an operation; undefined = it does not know that one. @throws AwsError */
  readonly answer: (operation: string, request: AwsRequest) => Promise<object> | undefined
}

/** @throws Error when the port is taken (EADDRINUSE) */
export async function startAwsJsonServer(
  service: AwsJsonService,
  port: number,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(request, service).then(
      body => send(response, 200, body),
      (error: unknown) => sendError(response, error, service),
    )
  })
  // Longer than any client here keeps an idle connection, so that the server never closes one in use.
  server.keepAliveTimeout = 120_000
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** A web page whose name was made to lead here sends that name: it is not to read secrets with a visitor's browser. */
const loopback = /^(127\.0\.0\.1|localhost)(:\d+)?$/

/** @throws AwsError where a request is for another name than those of this machine */
export function checkHost({ headers }: IncomingMessage, name: string): void {
  if (loopback.test(headers.host ?? '')) return
  throw new AwsError('AccessDeniedException', `The ${name} answers to 127.0.0.1 and localhost alone.`)
}

async function answer(request: IncomingMessage, service: AwsJsonService): Promise<object> {
  checkHost(request, service.name)
  const target = request.headers['x-amz-target']
  const [prefix, operation = '', ...rest] = typeof target === 'string' ? target.split('.') : []
  const body = await readBody(request)
  const isOurs = prefix === service.target && rest.length === 0
  const answered = isOurs ? service.answer(operation, parseBody(body)) : undefined
  if (answered !== undefined) return answered
  const message = `The ${service.name} does not know ${target ?? 'this request'}.`
  throw new AwsError('UnknownOperationException', message)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyAtMost) throw new AwsError('ValidationException', 'The request is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseBody(body: string): AwsRequest {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    throw new AwsError('SerializationException', 'The request is not JSON.')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AwsError('SerializationException', 'The request is not a JSON object.')
  }
  return parsed as AwsRequest
}

function sendError(response: ServerResponse, error: unknown, { name, internalError }: AwsJsonService): void {
  if (error instanceof AwsError) {
    send(response, 400, { __type: error.code, message: error.message })
    return
  }
  process.stderr.write(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`)
  send(response, 500, { __type: internalError, message: `The ${name} failed.` })
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': Buffer.byteLength(text),
    'x-amzn-requestid': randomUUID(),
  })
  response.end(text)
}
