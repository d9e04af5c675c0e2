import type { IncomingMessage, ServerResponse } from 'node:http'
import { authorizationOf, type Decide, send } from './node-http.ts'

/** Middleware of Express 4 and 5, and of Connect. */
export type ExpressMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>

/** Publishes `request.auth`, or answers. */
export function expressMiddleware(decide: Decide): ExpressMiddleware {
  return async function countersign(request, response, next) {
    try {
      // Express's own address of the caller goes by its setting `trust proxy`.
      const { ip = request.socket.remoteAddress } = request as { ip?: string }
      const decision = await decide({ authorization: authorizationOf(request), sourceIp: ip })
      if (!decision.allowed) return send(response, decision)
      Object.assign(request, { auth: decision.auth })
    } catch (error) {
      // Express 4 and Connect await nothing: a rejection would end the process.
      return next(error)
    }
    next()
  }
}
