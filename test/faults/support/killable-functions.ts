import { afterAll, beforeAll } from 'vitest'
import { signingKeyAttributes } from '../../../lambda/adapters/signing-key-item.ts'
import {
  type FunctionName,
  functionEnvironment,
  ring,
  startFunction,
} from '../../lambda/support/bundled-function.ts'
import { clientSecret, ordersAudience, ordersServerItem } from '../../lambda/support/client-item.ts'
import { startFaultServer } from '../../lambda/support/fault-server.ts'
import {
  adminEvent,
  authorizerEvent,
  basic,
  type EventParts,
  httpEvent,
} from '../../lambda/support/http-event.ts'
import { kmsSigningKey } from '../../lambda/support/kms-signing-key.ts'
import { startLocalKms } from '../../lambda/support/local-kms.ts'
import { startLocalStore } from '../../lambda/support/local-store.ts'

type Running = Awaited<ReturnType<typeof startFunction>>

export interface Reply {
  readonly status: number
  readonly body: Record<string, unknown>
  /** The reason of its audit event. */
  readonly reason: unknown
}

/**
 * Bundled functions in processes that a test may kill, on one store and one KMS. Those that are started with `start` reach
 * the store by a proxy; the others, which tell what came of it, do not.
 */
export class KillableFunctions {
  readonly store: Awaited<ReturnType<typeof startLocalStore>>
  readonly proxy: Awaited<ReturnType<typeof startFaultServer>>
  readonly kmsProxy: Awaited<ReturnType<typeof startFaultServer>>
  readonly #kms: Awaited<ReturnType<typeof startLocalKms>>
  readonly #witnesses = new Map<FunctionName, Promise<Running>>()

  private constructor(
    parts: Pick<KillableFunctions, 'store' | 'proxy' | 'kmsProxy'>,
    kms: Awaited<ReturnType<typeof startLocalKms>>,
  ) {
    this.store = parts.store
    this.proxy = parts.proxy
    this.kmsProxy = parts.kmsProxy
    this.#kms = kms
  }

  static async open(): Promise<KillableFunctions> {
    const [store, kms] = await Promise.all([startLocalStore(), startLocalKms()])
    const [proxy, kmsProxy] = await Promise.all([startFaultServer(store.url), startFaultServer(kms.url)])
    const key = await kmsSigningKey(kms.client, 'ES256')
    const tenDaysAgo = Math.floor(Date.now() / 1000) - 10 * 86_400
    const active = { ...key, createdAt: tenDaysAgo, signFrom: tenDaysAgo }
    await store.put('SigningKeys', { ring: { S: ring }, ...signingKeyAttributes(active) })
    await store.put('ResourceServers', ordersServerItem)
    return new KillableFunctions({ store, proxy, kmsProxy }, kms)
  }

  start(name: FunctionName, dynamodb = this.proxy.url): Promise<Running> {
    return startFunction(
      name,
      {
        ...functionEnvironment({ dynamodb, kms: this.kmsProxy.url }),
        ACCESS_TOKEN_LIFETIME_SECONDS: '600',
        AUDIENCE: ordersAudience,
        REVOCATION_REFRESH_SECONDS: '0',
        REVOCATION_OUTAGE_GRACE_SECONDS: '0',
      },
      { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) },
    )
  }

  async #witness(name: FunctionName): Promise<Running> {
    const running = this.#witnesses.get(name) ?? this.start(name, this.store.url)
    this.#witnesses.set(name, running)
    return running
  }

  async administer(routeKey: string, parts: Partial<EventParts> = {}, by?: Running): Promise<Reply> {
    const running = by ?? (await this.#witness('admin'))
    return replyOf(await running.invoke(adminEvent({ routeKey, ...parts })))
  }

  /** Asks the token endpoint as this client. */
  async requestToken(clientId: string, secret = clientSecret, by?: Running): Promise<Reply> {
    const running = by ?? (await this.#witness('token'))
    const body = 'grant_type=client_credentials'
    const headers = basic(clientId, secret)
    return replyOf(await running.invoke(httpEvent({ routeKey: 'ANY /token', headers, body })))
  }

  async token(clientId: string, secret = clientSecret): Promise<string> {
    const { body } = await this.requestToken(clientId, secret)
    if (typeof body.access_token !== 'string') throw new Error(`no token: ${JSON.stringify(body)}`)
    return body.access_token
  }

  /** What the authorizer decides, which reads the revocations for each request: `ok`, or why not. */
  async authorize(token: unknown): Promise<unknown> {
    return reasonOf(await this.#witness('authorizer'), token)
  }

  /** As `authorize`, by one that has just started: with the keys as they are now. */
  async authorizeAfresh(token: unknown): Promise<unknown> {
    const running = await this.start('authorizer', this.store.url)
    const reason = await reasonOf(running, token)
    await running.stop()
    return reason
  }

  async close(): Promise<void> {
    const running = await Promise.all(this.#witnesses.values())
    await Promise.all(running.map(each => each.stop()))
    await Promise.all([this.proxy.close(), this.kmsProxy.close()])
    await Promise.all([this.store.close(), this.#kms.close()])
  }
}

async function reasonOf(authorizer: Running, token: unknown): Promise<unknown> {
  const { lines } = await authorizer.invoke(authorizerEvent('GET /orders', `Bearer ${token}`))
  return lines.find(line => line.audit !== undefined)?.reason
}

function replyOf({ result, lines, failure }: Awaited<ReturnType<Running['invoke']>>): Reply {
  if (failure !== undefined) throw new Error(failure)
  const { statusCode, body } = result as { statusCode: number; body: string }
  const event = lines.find(line => line.audit !== undefined)
  return { status: statusCode, body: body === '' ? {} : JSON.parse(body), reason: event?.reason }
}

/** Opens the functions for the tests of this file. */
export function useKillableFunctions(): () => KillableFunctions {
  let functions: KillableFunctions | undefined
  beforeAll(async () => {
    functions = await KillableFunctions.open()
  })
  afterAll(() => functions?.close())
  return () => {
    if (functions === undefined) throw new Error('the functions did not start')
    return functions
  }
}
