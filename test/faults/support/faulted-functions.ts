import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { signingKeyAttributes } from '../../../lambda/adapters/signing-key-item.ts'
import { shardOf } from '../../../lambda/oauth/revocation.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { type EndpointName, endpoints } from '../../attacks/support/attacked-endpoints.ts'
import { expectOAuthError } from '../../attacks/support/oauth-error.ts'
import {
  type FunctionName,
  functionEnvironment,
  ring,
  startFunction,
} from '../../lambda/support/bundled-function.ts'
import {
  clientItem,
  clientSecret,
  ordersAudience,
  ordersServerItem,
} from '../../lambda/support/client-item.ts'
import { type FaultServer, startFaultServer } from '../../lambda/support/fault-server.ts'
import { adminEvent, authorizerEvent, basic, httpEvent } from '../../lambda/support/http-event.ts'
import { kmsSigningKey } from '../../lambda/support/kms-signing-key.ts'
import { startLocalKms } from '../../lambda/support/local-kms.ts'
import { type Attributes, startLocalStore } from '../../lambda/support/local-store.ts'
import type { Line } from '../../lambda/support/recorded-lines.ts'

type Running = Awaited<ReturnType<typeof startFunction>>

/** What a function answered, what it printed, and what it asked of the store and of KMS for that. */
export interface FaultedAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  readonly requestId: string
  /** The one audit event of its decision. */
  readonly event: Line
  readonly lines: readonly Line[]
  readonly storeOperations: readonly string[]
  readonly kmsOperations: readonly string[]
  readonly milliseconds: number
}

/** A decision of the authorizer: allowed, refused, or the error that the gateway makes 500. */
export type Verdict = 'allowed' | 'refused' | 'failed'

/** No request waits longer than this for a dependency that is down. */
export const waitLimitMilliseconds = 1500

/**
 * The bundled functions, each in a process of its own, with the store and KMS behind proxies that can be told to fail. A
 * function is started when it is first asked, or with settings of its own by `start`.
 */
export class FaultedFunctions {
  readonly store: Awaited<ReturnType<typeof startLocalStore>>
  readonly kms: Awaited<ReturnType<typeof startLocalKms>>
  readonly storeProxy: FaultServer
  readonly kmsProxy: FaultServer
  /** The key that signs. */
  readonly key: SigningKey
  readonly #running = new Map<FunctionName, Promise<Running>>()
  readonly #others: Running[] = []
  readonly #settings: Record<string, string>
  #clients = 0

  private constructor(
    parts: Pick<FaultedFunctions, 'store' | 'kms' | 'storeProxy' | 'kmsProxy' | 'key'>,
    settings: Record<string, string>,
  ) {
    this.#settings = settings
    this.store = parts.store
    this.kms = parts.kms
    this.storeProxy = parts.storeProxy
    this.kmsProxy = parts.kmsProxy
    this.key = parts.key
  }

  /** @param settings environment variables that differ from the usual */
  static async start(settings: Record<string, string> = {}): Promise<FaultedFunctions> {
    const [store, kms] = await Promise.all([startLocalStore(), startLocalKms()])
    const [storeProxy, kmsProxy] = await Promise.all([startFaultServer(store.url), startFaultServer(kms.url)])
    const key = { ...(await kmsSigningKey(kms.client, 'ES256')), createdAt: 1, signFrom: 1 }
    const functions = new FaultedFunctions({ store, kms, storeProxy, kmsProxy, key }, settings)
    await functions.publish(key)
    await store.put('ResourceServers', ordersServerItem)
    await functions.addClient('nightly-export')
    await functions.addClient('orders-api', { resource_server: { S: ordersAudience } })
    return functions
  }

  /** Stores a client whose secret is `clientSecret`. */
  async addClient(clientId: string, changes?: Attributes): Promise<void> {
    await this.store.put('Clients', clientItem(clientId, changes))
  }

  async publish(key: SigningKey): Promise<void> {
    await this.store.put('SigningKeys', { ring: { S: ring }, ...signingKeyAttributes(key) })
  }

  /** Starts a function with settings that differ from the usual; it is stopped in the end. */
  async start(name: FunctionName, settings: Record<string, string> = {}): Promise<Running> {
    const environment = {
      ...functionEnvironment({ dynamodb: this.storeProxy.url, kms: this.kmsProxy.url }),
      ACCESS_TOKEN_LIFETIME_SECONDS: '600',
      AUDIENCE: ordersAudience,
      // Every decision reads the table.
      REVOCATION_REFRESH_SECONDS: '0',
      REVOCATION_OUTAGE_GRACE_SECONDS: '0',
      ...this.#settings,
      ...settings,
    }
    const files = { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) }
    const running = await startFunction(name, environment, files)
    this.#others.push(running)
    return running
  }

  /** Asks an endpoint as a client. @param running another function than the usual one of that endpoint */
  async ask(
    endpoint: EndpointName,
    form: Record<string, string> | string = endpoints[endpoint].form,
    clientId: string | undefined = 'nightly-export',
    running?: Running,
  ): Promise<FaultedAnswer> {
    const body = new URLSearchParams(form).toString()
    const headers = basic(clientId, clientSecret)
    return this.#invoke(running ?? endpoint, httpEvent({ routeKey: `ANY /${endpoint}`, headers, body }))
  }

  /** Asks the token endpoint without a header: the form has the credentials. */
  async askWithForm(form: Record<string, string>): Promise<FaultedAnswer> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams(form).toString()
    return this.#invoke('token', httpEvent({ routeKey: 'ANY /token', headers, body }))
  }

  async administer(routeKey: string, parameters: Record<string, string> = {}, json?: unknown) {
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    return this.#invoke('admin', adminEvent({ routeKey, parameters, ...body }))
  }

  /** A client of its own with a token, which the authorizer allows; and the subjects of what can revoke it. */
  async newClient() {
    const clientId = `client-${++this.#clients}`
    await this.addClient(clientId)
    const token = await this.token(clientId)
    expect(await this.authorize(token)).toBe('allowed')
    return { clientId, token, subjects: { jti: jtiSubject(token), client: `client#${clientId}` } }
  }

  /** A token of the client, issued while nothing is wrong. */
  async token(clientId?: string): Promise<string> {
    const { status, body } = await this.ask('token', undefined, clientId)
    expect(status).toBe(200)
    return String(JSON.parse(body).access_token)
  }

  async authorize(token: string, running?: Running): Promise<Verdict> {
    const authorizer = running ?? (await this.#function('authorizer'))
    const { result, failure } = await authorizer.invoke(authorizerEvent('GET /orders', `Bearer ${token}`))
    if (failure !== undefined) {
      expect([result, failure]).toEqual([undefined, 'Error: store_unavailable'])
      return 'failed'
    }
    const { isAuthorized } = result as { isAuthorized?: boolean }
    if (isAuthorized !== true) expect(result).toEqual({ errorMessage: 'Unauthorized' })
    return isAuthorized === true ? 'allowed' : 'refused'
  }

  /** The row of a revocation, strongly consistent. */
  revocation(subject: string): Promise<Attributes | undefined> {
    return this.store.get('Revocations', { shard: { S: shardOf(subject, 4) }, subject: { S: subject } })
  }

  async close(): Promise<void> {
    await Promise.all(this.#others.map(running => running.stop()))
    await Promise.all([this.storeProxy.close(), this.kmsProxy.close(), this.kms.close()])
    await this.store.close()
  }

  async #invoke(name: FunctionName | Running, event: { requestContext: { requestId: string } }) {
    const running = typeof name === 'string' ? await this.#function(name) : name
    for (const { operations, bodies } of [this.storeProxy, this.kmsProxy]) {
      operations.length = 0
      bodies.length = 0
    }
    const start = performance.now()
    const { result, lines } = await running.invoke(event)
    const milliseconds = performance.now() - start
    const {
      statusCode: status,
      headers,
      body,
    } = result as {
      statusCode: number
      headers: Record<string, string>
      body: string
    }
    const events = lines.filter(({ audit }) => audit !== undefined)
    expect(events).toHaveLength(1)
    return {
      status,
      headers: new Headers(headers),
      body,
      requestId: event.requestContext.requestId,
      event: events[0] ?? {},
      lines,
      storeOperations: [...this.storeProxy.operations],
      kmsOperations: [...this.kmsProxy.operations],
      milliseconds,
    }
  }

  #function(name: FunctionName): Promise<Running> {
    const running = this.#running.get(name) ?? this.start(name)
    this.#running.set(name, running)
    return running
  }
}

/** The subject of the row that revokes a token. */
export function jtiSubject(token: string): string {
  return `jti#${decodeJwt(token).jti}`
}

/** Holds an answer against what an outage is to look like: 503 that says when to come back, and nothing else. */
export function expectUnavailable(answer: FaultedAnswer, reason = 'store_unavailable'): void {
  expectOAuthError(answer, 503, 'temporarily_unavailable')
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(answer.event).toMatchObject({ outcome: 'failed', reason })
}

/** As `expectUnavailable`, of the admin API. */
export function expectAdministrationUnavailable(answer: FaultedAnswer): void {
  expect([answer.status, JSON.parse(answer.body).error]).toEqual([503, 'temporarily_unavailable'])
  expect([answer.headers.get('retry-after'), answer.headers.get('cache-control')]).toEqual(['1', 'no-store'])
  expect(answer.event).toMatchObject({ outcome: 'failed', reason: 'temporarily_unavailable' })
}

/** Starts the functions for the tests of this file; each test begins without a fault. */
export function useFaultedFunctions(settings?: Record<string, string>): () => FaultedFunctions {
  let functions: FaultedFunctions | undefined
  beforeAll(async () => {
    functions = await FaultedFunctions.start(settings)
  })
  beforeEach(() => {
    functions?.storeProxy.reset()
    functions?.kmsProxy.reset()
  })
  afterAll(() => functions?.close())
  return () => {
    if (functions === undefined) throw new Error('the functions did not start')
    return functions
  }
}
