import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** One request as the gateway sees it, before a route is chosen. */
export interface GatewayRequest {
  method: string
  /** The path as it was sent, percent-encoding untouched. */
  rawPath: string
  /** What follows the first `?`, as it was sent; empty when there is nothing. */
  rawQueryString: string
  /** By name in lower case; values of a repeated header joined by a comma, in the order sent. */
  headers: Record<string, string>
  /** Name, value, name, value: as they were sent. */
  rawHeaders: readonly string[]
  /** Decoded; values of a repeated parameter joined by a comma. `undefined` when there is none. */
  queryStringParameters: Record<string, string> | undefined
  body: Buffer
  /** Address of the peer: no header changes it. */
  sourceIp: string
  /** `HTTP/1.1`. */
  protocol: string
  requestId: string
  receivedAtEpochMilliseconds: number
}

/** Takes a request apart. Repeated headers are all kept, those included of which Node keeps only the first. */
export function readRequest(message: IncomingMessage, body: Buffer): GatewayRequest {
  const target = originForm(message.url ?? '/')
  const queryStart = target.indexOf('?')
  const rawQueryString = queryStart < 0 ? '' : target.slice(queryStart + 1)
  return {
    method: message.method ?? '',
    rawPath: queryStart < 0 ? target : target.slice(0, queryStart),
    rawQueryString,
    headers: joinHeaders(message.rawHeaders),
    rawHeaders: message.rawHeaders,
    queryStringParameters: readQuery(rawQueryString),
    body,
    sourceIp: (message.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    protocol: `HTTP/${message.httpVersion}`,
    requestId: newRequestId(),
    receivedAtEpochMilliseconds: Date.now(),
  }
}

/** An identifier that looks like API Gateway's: 16 characters of base64. */
export function newRequestId(): string {
  return randomBytes(11).toString('base64')
}

/** Octets of the request line and the headers, which API Gateway limits together. */
export function headOctets(message: IncomingMessage): number {
  let octets = `${message.method} ${message.url} HTTP/1.1\r\n`.length
  for (const part of message.rawHeaders) octets += part.length + 2
  return octets
}

// RFC 9112 §3.2.2: a server takes the absolute form as well, whose authority says nothing new here.
function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const path = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1]
  if (path === undefined) return target
  return path.startsWith('/') ? path : `/${path}`
}

function joinHeaders(rawHeaders: readonly string[]): Record<string, string> {
  // Without a prototype: `__proto__` is a possible header name.
  const headers: Record<string, string> = Object.create(null)
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    const earlier = headers[name]
    headers[name] = earlier === undefined ? value : `${earlier},${value}`
  }
  return headers
}

function readQuery(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined
  const parameters: Record<string, string> = Object.create(null)
  let empty = true
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    const earlier = parameters[name]
    parameters[name] = earlier === undefined ? value : `${earlier},${value}`
    empty = false
  }
  return empty ? undefined : parameters
}
