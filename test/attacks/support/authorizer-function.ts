import { afterAll, beforeAll, expect } from 'vitest'
import { functionEnvironment, ring, startFunction } from '../../lambda/support/bundled-function.ts'
import { ordersAudience } from '../../lambda/support/client-item.ts'
import { authorizerEvent } from '../../lambda/support/http-event.ts'
import { startLocalStore } from '../../lambda/support/local-store.ts'
import type { Line } from '../../lambda/support/recorded-lines.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../../lambda/support/signing-key-pair.ts'

/** What the authorizer made of an event: its verdict, and the one audit event of its decision. */
export interface Verdict {
  readonly result: unknown
  readonly event: Line
}

const now = Math.floor(Date.now() / 1000)

/** The bundled authorizer in a process of its own, for events that no gateway passes on. */
export class AuthorizerFunction {
  readonly #running: Awaited<ReturnType<typeof startFunction>>
  readonly #store: Awaited<ReturnType<typeof startLocalStore>>
  readonly #pair: ReturnType<typeof signingKeyPair>

  private constructor(
    running: Awaited<ReturnType<typeof startFunction>>,
    store: Awaited<ReturnType<typeof startLocalStore>>,
    pair: ReturnType<typeof signingKeyPair>,
  ) {
    this.#running = running
    this.#store = store
    this.#pair = pair
  }

  static async start(routes: object): Promise<AuthorizerFunction> {
    const store = await startLocalStore()
    const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
    await store.put('SigningKeys', signingKeyItem(ring, pair.key))
    const environment = {
      ...functionEnvironment({ dynamodb: store.url }),
      AUDIENCE: ordersAudience,
      REVOCATION_REFRESH_SECONDS: '3600',
      REVOCATION_OUTAGE_GRACE_SECONDS: '60',
    }
    const files = { 'routes.json': JSON.stringify(routes) }
    return new AuthorizerFunction(await startFunction('authorizer', environment, files), store, pair)
  }

  /** A token that lives: of `orders:read`, unless the claims say otherwise. */
  token(claims: Record<string, unknown> = {}): string {
    return accessToken(this.#pair, tokenClaims(now, claims))
  }

  /** The event of a request that is allowed where the token is; `changes` replace its members. */
  event(routeKey: string, authorization?: string, changes: object = {}): Record<string, unknown> {
    return { ...authorizerEvent(routeKey, authorization), ...changes }
  }

  /** Invokes the function: an answer within a second, no exception, one audit event, nothing of a token in a line. */
  async decide(event: unknown): Promise<Verdict> {
    const startedAt = performance.now()
    const { result, failure, lines, texts, fetches } = await this.#running.invoke(event)
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expect([failure, fetches]).toEqual([undefined, []])
    expect(texts.join('')).not.toMatch(/eyJ[A-Za-z0-9_-]{8}/)
    const [audited, ...others] = lines.filter(({ audit }) => audit !== undefined)
    expect(others).toEqual([])
    if (audited === undefined) throw new Error('no audit event')
    return { result, event: audited }
  }

  /** Refused with 401 (`invalid_token`) or 403 (`insufficient_scope`), RFC 6750 §3.1. */
  async refused(event: unknown, status: 401 | 403, reason: string): Promise<void> {
    const { result, event: audited } = await this.decide(event)
    expect(result).toEqual(status === 401 ? { errorMessage: 'Unauthorized' } : { isAuthorized: false })
    expect(audited).toMatchObject({ audit: 'api.authorize', outcome: 'refused', reason })
  }

  /** The neighbour that must pass. */
  async allowed(event: unknown): Promise<void> {
    const { result, event: audited } = await this.decide(event)
    expect(result).toMatchObject({ isAuthorized: true })
    expect(audited).toMatchObject({ audit: 'api.authorize', outcome: 'allowed', reason: 'ok' })
  }

  async close(): Promise<void> {
    await this.#running.stop()
    await this.#store.close()
  }
}

/** Starts the function for the tests of this file, with these routes and their scopes beside it. */
export function useAuthorizerFunction(routes: object): () => AuthorizerFunction {
  let authorizer: AuthorizerFunction | undefined
  beforeAll(async () => {
    authorizer = await AuthorizerFunction.start(routes)
  })
  afterAll(() => authorizer?.close())
  return () => {
    if (authorizer === undefined) throw new Error('the function did not start')
    return authorizer
  }
}
