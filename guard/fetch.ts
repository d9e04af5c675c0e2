import type { Auth, GuardDecision } from './create-guard.ts'
import type { Decide } from './node-http.ts'

/** Answers a request that may pass. `rest` is whatever the runtime passes besides the request. */
export type FetchHandler<Rest extends unknown[]> = (
  request: Request,
  auth: Auth,
  ...rest: Rest
) => Response | Promise<Response>

/** What a runtime of the Fetch API calls for each request. */
export type FetchListener<Rest extends unknown[]> = (request: Request, ...rest: Rest) => Promise<Response>

/** Wraps a handler of the Fetch API: it is called with what may pass, and who calls. */
export function fetchHandler<Rest extends unknown[]>(
  decide: Decide,
  handler: FetchHandler<Rest>,
): FetchListener<Rest> {
  return async (request, ...rest) => {
    const decision = await decide({ authorization: request.headers.get('authorization') })
    return decision.allowed ? handler(request, decision.auth, ...rest) : responseOf(decision)
  }
}

export function responseOf({ status, headers, body }: Extract<GuardDecision, { allowed: false }>): Response {
  return new Response(body === '' ? null : body, { status, headers })
}
