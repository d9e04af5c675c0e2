import type { Auth } from './create-guard.ts'
import { responseOf } from './fetch.ts'
import type { Decide } from './node-http.ts'

/** What a guard uses of Hono's `Context`. */
export interface HonoContext {
  /** The request as the runtime gave it. */
  readonly req: { readonly raw: Request }
  /** Publishes who calls to the handlers. */
  set(key: 'auth', value: Auth): void
}

/** `new Hono<{ Variables: GuardVariables }>()` gives `c.get('auth')` its type. */
export interface GuardVariables {
  /** Who calls. */
  auth: Auth
}

/** Middleware of Hono: it answers what may not pass, and nothing else. */
export type HonoMiddleware = (
  context: HonoContext,
  next: () => Promise<void>,
) => Promise<Response | undefined>

/** Publishes `c.get('auth')`, or answers. */
export function honoMiddleware(decide: Decide): HonoMiddleware {
  return async function countersign(context, next) {
    const decision = await decide({ authorization: context.req.raw.headers.get('authorization') })
    if (!decision.allowed) return responseOf(decision)
    context.set('auth', decision.auth)
    await next()
    return undefined
  }
}
