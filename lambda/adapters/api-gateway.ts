import { setTimeout as delay } from 'node:timers/promises'
import {
  APIGatewayClient,
  type ApiKey,
  CreateApiKeyCommand,
  CreateUsagePlanKeyCommand,
  DeleteApiKeyCommand,
  GetApiKeysCommand,
  GetUsagePlanKeyCommand,
  GetUsagePlanKeysCommand,
  GetUsagePlansCommand,
} from '@aws-sdk/client-api-gateway'
import type { ApiKeyStore } from '../oauth/api-key-keeper.ts'
import { Unavailable } from '../oauth/unavailable.ts'
import { usageIdentifier } from '../oauth/usage-identifier.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** The names of its errors. Text: minifying renames the SDK's classes. */
const conflict = 'ConflictException'
const notFound = 'NotFoundException'

/** The most that API Gateway gives at a time. */
const limit = 500

/** 5 calls a second: half of what an account has for all its calls, and all that it has for making or deleting keys. */
const betweenCallsMilliseconds = 200

/** Nobody waits for these but a deployment; what is throttled is tried again. */
export function apiGatewayClient(): APIGatewayClient {
  return new APIGatewayClient({
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 5000, throwOnRequestTimeout: true },
  })
}

export interface ServerKeysSettings {
  /** What the names of the server's usage plans and API keys begin with: everything else is somebody else's. */
  readonly namePrefix: string
  /** @default - 200 ms from the beginning of one call to that of the next */
  readonly betweenCallsMilliseconds?: number
}

/** The API keys and usage plans of API Gateway that are this server's. A key's name is the prefix and the `client_id`. */
export class ServerApiKeys implements ApiKeyStore {
  readonly #client: APIGatewayClient
  readonly #namePrefix: string
  readonly #records: Records
  readonly #pause: number
  #nextCall = 0

  constructor(client: APIGatewayClient, settings: ServerKeysSettings, records: Records) {
    this.#client = client
    this.#namePrefix = settings.namePrefix
    this.#records = records
    this.#pause = settings.betweenCallsMilliseconds ?? betweenCallsMilliseconds
  }

  plans: ApiKeyStore['plans'] = async () => {
    const ids: string[] = []
    for await (const { items = [] } of this.#pages(position =>
      this.#client.send(new GetUsagePlansCommand({ limit, position })),
    ))
      ids.push(...items.flatMap(({ id, name }) => (id && name?.startsWith(this.#namePrefix) ? [id] : [])))
    return ids
  }

  /** All are looked through: how API Gateway compares a part of a name is not documented. */
  keys: ApiKeyStore['keys'] = () => this.#readKeys()

  keysOfPlan: ApiKeyStore['keysOfPlan'] = async usagePlanId => {
    const ids = new Set<string>()
    for await (const { items = [] } of this.#pages(position =>
      this.#client.send(new GetUsagePlanKeysCommand({ usagePlanId, limit, position })),
    ))
      for (const { id } of items) if (id !== undefined) ids.add(id)
    return ids
  }

  find: ApiKeyStore['find'] = async clientId =>
    (await this.#readKeys(this.#namePrefix + clientId)).get(clientId)

  create: ApiKeyStore['create'] = async clientId => {
    const create = new CreateApiKeyCommand({
      name: this.#namePrefix + clientId,
      value: usageIdentifier(clientId),
      description: 'Countersign: by this key usage plans know the client. It is no credential.',
      enabled: true,
    })
    const created = await this.#call(() => this.#client.send(create), conflict)
    // Made by a keeper that was quicker, or long ago by somebody else.
    return created === undefined ? ((await this.find(clientId)) ?? 'taken') : idOf(created)
  }

  isAttached: ApiKeyStore['isAttached'] = async (keyId, usagePlanId) => {
    const get = new GetUsagePlanKeyCommand({ usagePlanId, keyId })
    return (await this.#call(() => this.#client.send(get), notFound)) !== undefined
  }

  attach: ApiKeyStore['attach'] = async (keyId, usagePlanId) => {
    const create = new CreateUsagePlanKeyCommand({ usagePlanId, keyId, keyType: 'API_KEY' })
    const attached = await this.#call(() => this.#client.send(create), conflict)
    if (attached === undefined && !(await this.isAttached(keyId, usagePlanId))) {
      // Another plan of the same stage has it, which somebody has made by hand.
      this.#records.dependencyFailed('api_gateway', conflict)
      throw new Unavailable('api_gateway')
    }
  }

  remove: ApiKeyStore['remove'] = async apiKey => {
    await this.#call(() => this.#client.send(new DeleteApiKeyCommand({ apiKey })), notFound)
  }

  async #readKeys(nameQuery?: string): Promise<Map<string, string>> {
    const keys = new Map<string, string>()
    for await (const { items = [] } of this.#pages(position =>
      this.#client.send(new GetApiKeysCommand({ nameQuery, limit, position })),
    ))
      for (const key of items)
        if (key.name?.startsWith(this.#namePrefix))
          keys.set(key.name.slice(this.#namePrefix.length), idOf(key))
    return keys
  }

  async *#pages<Page extends { position?: string | undefined }>(
    read: (position: string | undefined) => Promise<Page>,
  ): AsyncGenerator<Page> {
    let position: string | undefined
    do {
      const page: Page | undefined = await this.#call(() => read(position))
      if (page === undefined) return
      yield page
      position = page.position
    } while (position !== undefined)
  }

  /** @returns undefined for the error that is expected @throws Unavailable */
  async #call<T>(operation: () => Promise<T>, ...expected: readonly string[]): Promise<T | undefined> {
    await this.#takeTurn()
    try {
      return await call('api_gateway', operation, this.#records, ...expected)
    } catch (error) {
      if (error instanceof Unavailable) throw error
      return undefined
    }
  }

  async #takeTurn(): Promise<void> {
    const now = performance.now()
    const at = Math.max(now, this.#nextCall)
    this.#nextCall = at + this.#pause
    if (at > now) await delay(at - now)
  }
}

function idOf({ id }: ApiKey): string {
  if (id === undefined) throw new Unavailable('api_gateway')
  return id
}
