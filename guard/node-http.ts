import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth, GuardDecision, GuardedRequest } from './create-guard.ts'

/** Decides on a request by the requirement that it was made with. */
export type Decide = (request: Omit<GuardedRequest, 'require'>) => Promise<GuardDecision>

/** Answers a request that may pass; `request.auth` is who calls. */
export type NodeHandler = (request: IncomingMessage & { auth: Auth }, response: ServerResponse) => unknown

/** A listener of `createServer` of node:http. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => void

/** Wraps a listener of `createServer`: it is called with what may pass, and `request.auth`. */
export function nodeListener(decide: Decide, handler: NodeHandler): NodeListener {
  return async (request, response) => {
    const decision = await decide({
      authorization: authorizationOf(request),
      sourceIp: request.socket.remoteAddress,
    })
    if (!decision.allowed) return send(response, decision)
    await handler(Object.assign(request, { auth: decision.auth }), response)
  }
}

/**
 * All of several headers, of HTTP/2 too: `headers` would have the first alone, and who is in front of this server may go
 * by the last. Where a request was not parsed by Node, as in a Lambda function with an adapter for Express, there is
 * `headers` alone.
 */
export function authorizationOf({ rawHeaders = [], headers }: IncomingMessage): string | undefined {
  const sent = rawHeaders.filter(
    (_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'authorization',
  )
  return sent.length > 0 ? sent.join(', ') : headers.authorization
}

export function send(response: ServerResponse, refused: Extract<GuardDecision, { allowed: false }>): void {
  // A time-out may have answered meanwhile: an error here would end the process, as nobody awaits a listener.
  if (response.headersSent) return void response.end()
  response.statusCode = refused.status
  for (const [name, value] of Object.entries(refused.headers)) response.setHeader(name, value)
  response.end(refused.body)
}
