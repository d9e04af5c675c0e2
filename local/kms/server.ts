// A stand-in for AWS KMS on one machine: the AWS JSON 1.1 protocol over node:crypto. Any credentials are
// taken, so it listens on loopback only.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { aliasOperations } from './alias-operations.ts'
import { cryptographicOperations } from './cryptographic-operations.ts'
import { keyOperations } from './key-operations.ts'
import { KeyStore } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import type { KmsContext } from './operation.ts'
import type { KmsRequest } from './request.ts'

const operations = new Map(
  Object.entries({ ...keyOperations, ...aliasOperations, ...cryptographicOperations }),
)
const bodyAtMost = 1024 * 1024

export interface KmsOptions {
  /** Keys lie in its folder `kms`, one file a key, readable by their owner alone. */
  dataDir: string
  region: string
  accountId: string
  /** @default 0 - a free port */
  port?: number
  /** The clock, in epoch milliseconds. @default Date.now */
  now?: () => number
}

/**
 * Starts the stand-in. An operation that changes something answers once the change is durable; what answered
 * survives a kill.
 *
 * @throws Error when a key's file cannot be read, or the port is taken (EADDRINUSE)
 */
export async function startKms(options: KmsOptions): Promise<{ url: string; close(): Promise<void> }> {
  const { dataDir, region, accountId, port = 0, now = Date.now } = options
  const store = await KeyStore.open(join(dataDir, 'kms'))
  const context: KmsContext = { store, region, accountId, now }
  const server = createServer((request, response) => {
    answer(request, context).then(
      body => send(response, 200, body),
      (error: unknown) => sendError(response, error),
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

async function answer(request: IncomingMessage, context: KmsContext): Promise<object> {
  const target = request.headers['x-amz-target']
  const name = typeof target === 'string' ? /^TrentService\.(\w+)$/.exec(target)?.[1] : undefined
  const operation = operations.get(name ?? '')
  const body = await readBody(request)
  if (operation === undefined) {
    throw new KmsError(
      'UnknownOperationException',
      `The local KMS does not know ${target ?? 'this request'}.`,
    )
  }
  await context.store.deleteDueKeys(context.now() / 1000)
  return operation(parseBody(body), context)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyAtMost) throw new KmsError('ValidationException', 'The request is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseBody(body: string): KmsRequest {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    throw new KmsError('SerializationException', 'The request is not JSON.')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new KmsError('SerializationException', 'The request is not a JSON object.')
  }
  return parsed as KmsRequest
}

function sendError(response: ServerResponse, error: unknown): void {
  if (error instanceof KmsError) {
    send(response, 400, { __type: error.code, message: error.message })
    return
  }
  process.stderr.write(`local KMS: ${error instanceof Error ? error.stack : String(error)}\n`)
  send(response, 500, { __type: 'KMSInternalException', message: 'The local KMS failed.' })
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
