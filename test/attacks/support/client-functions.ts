import { createPublicKey } from 'node:crypto'
import { CreateKeyCommand, GetPublicKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll } from 'vitest'
import { functionEnvironment, ring, startFunction } from '../../lambda/support/bundled-function.ts'
import { clientItem, clientSecret, ordersServerItem } from '../../lambda/support/client-item.ts'
import { startFaultServer } from '../../lambda/support/fault-server.ts'
import { basic, type EventParts, httpEvent } from '../../lambda/support/http-event.ts'
import { startLocalKms } from '../../lambda/support/local-kms.ts'
import type { Attributes } from '../../lambda/support/local-store.ts'
import { startLocalStore } from '../../lambda/support/local-store.ts'
import type { Line } from '../../lambda/support/recorded-lines.ts'
import { signingKeyItem, signingKeyPair } from '../../lambda/support/signing-key-pair.ts'
import { type EndpointName, endpoints, formType } from './attacked-endpoints.ts'

/** What a function answered, with the one audit event of its decision. */
export interface FunctionAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
  readonly event: Line
  /** The operations that the store was asked for, in order. */
  readonly operations: readonly string[]
  readonly texts: readonly string[]
}

/**
 * The bundled functions that clients call, each in a process of its own, with a store behind a proxy that can be told
 * to fail: for requests that a gateway never passes on, and for what is asked of the store.
 */
export class ClientFunctions {
  readonly store: Awaited<ReturnType<typeof startLocalStore>>
  readonly proxy: Awaited<ReturnType<typeof startFaultServer>>
  readonly #kms: Awaited<ReturnType<typeof startLocalKms>>
  readonly #settings: Record<string, string>
  readonly #running = new Map<string, Awaited<ReturnType<typeof startFunction>>>()

  private constructor(
    store: ClientFunctions['store'],
    proxy: ClientFunctions['proxy'],
    kms: Awaited<ReturnType<typeof startLocalKms>>,
    settings: Record<string, string>,
  ) {
    this.store = store
    this.proxy = proxy
    this.#kms = kms
    this.#settings = settings
  }

  /** @param settings environment variables that differ from the usual */
  static async start(settings: Record<string, string> = {}): Promise<ClientFunctions> {
    const [store, kms] = await Promise.all([startLocalStore(), startLocalKms()])
    const proxy = await startFaultServer(store.url)
    const functions = new ClientFunctions(store, proxy, kms, settings)
    await functions.#makeSigningKey()
    await store.put('ResourceServers', ordersServerItem)
    return functions
  }

  /** Stores a client whose secret is `clientSecret`. */
  async addClient(clientId: string, changes?: Attributes): Promise<void> {
    await this.store.put('Clients', clientItem(clientId, changes))
  }

  /** Invokes the function of an endpoint: with this client's credentials, and a form that it takes, unless said otherwise. */
  async invoke(
    endpoint: EndpointName,
    clientId: string,
    secret = clientSecret,
    parts: Partial<EventParts> = {},
  ): Promise<FunctionAnswer> {
    const running = await this.#functionOf(endpoint)
    this.proxy.operations.length = 0
    const headers = { ...basic(clientId, secret), 'content-type': formType, ...parts.headers }
    const body = endpoints[endpoint].form
    const { result, lines, texts } = await running.invoke(
      httpEvent({ routeKey: `ANY /${endpoint}`, body, ...parts, headers }),
    )
    const {
      statusCode,
      headers: fields,
      body: text,
    } = result as {
      statusCode: number
      headers: Record<string, string>
      body: string
    }
    const events = lines.filter(line => line.audit !== undefined)
    const [event] = events
    if (event === undefined || events.length > 1) throw new Error(`${events.length} audit events`)
    const operations = [...this.proxy.operations]
    return { status: statusCode, headers: fields, body: text, event, operations, texts }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(running => running.stop()))
    await this.proxy.close()
    await Promise.all([this.store.close(), this.#kms.close()])
  }

  async #functionOf(endpoint: EndpointName) {
    const running = this.#running.get(endpoint)
    if (running !== undefined) return running
    const started = await startFunction(endpoint, {
      ...functionEnvironment({ dynamodb: this.proxy.url, kms: this.#kms.url }),
      ACCESS_TOKEN_LIFETIME_SECONDS: '600',
      ...this.#settings,
    })
    this.#running.set(endpoint, started)
    return started
  }

  /** A key made in KMS and put into the ring, as the keeper does. */
  async #makeSigningKey(): Promise<void> {
    const create = new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
    const kmsKeyArn = (await this.#kms.client.send(create)).KeyMetadata?.Arn ?? ''
    const { PublicKey = [] } = await this.#kms.client.send(new GetPublicKeyCommand({ KeyId: kmsKeyArn }))
    const der = Buffer.from(PublicKey)
    const { x = '', y = '' } = createPublicKey({ key: der, format: 'der', type: 'spki' }).export({
      format: 'jwk',
    })
    const tenDaysAgo = Math.floor(Date.now() / 1000) - 10 * 86_400
    const { key } = signingKeyPair({ kmsKeyArn, signFrom: tenDaysAgo, createdAt: tenDaysAgo })
    const publicJwk = { ...key.publicJwk, x, y }
    await this.store.put('SigningKeys', signingKeyItem(ring, { ...key, publicJwk }))
  }
}

/** Starts the functions for the tests of this file. */
export function useClientFunctions(settings?: Record<string, string>): () => ClientFunctions {
  let functions: ClientFunctions | undefined
  beforeAll(async () => {
    functions = await ClientFunctions.start(settings)
  })
  afterAll(() => functions?.close())
  return () => {
    if (functions === undefined) throw new Error('the functions did not start')
    return functions
  }
}
