import type { LocalStack } from '../../flow/local-stack.ts'
import type { Answer } from './attacked-stack.ts'
import { rawRequest } from './raw-request.ts'

/** A request byte by byte, but for `Connection` and, unless one is given, `Host`. */
export interface RawApiRequest {
  readonly api?: 'orders' | 'payments'
  /** Method and target: `GET /orders`. */
  readonly line: string
  /** Lines of the head, in Latin-1. */
  readonly fields?: readonly string[]
  readonly body?: string
}

/** Sends what no HTTP client would: a target that is not normalised, fields that are repeated or none. */
export function rawApiRequest(stack: LocalStack, request: RawApiRequest): Promise<Answer> {
  const { api = 'orders', line, fields = [], body = '' } = request
  const url = stack.url(api, '/')
  const host = fields.some(field => /^host:/i.test(field)) ? [] : [`Host: ${new URL(url).host}`]
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const head = [`${line} HTTP/1.1`, ...host, 'Connection: close', ...length, ...fields, '', '']
  return rawRequest(url, Buffer.from(head.join('\r\n') + body, 'latin1'))
}
