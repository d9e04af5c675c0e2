import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AwsError } from '../aws-json-server.ts'
import { makePrivateFolder, removeDurably, writeDurably } from '../durable-file.ts'

/** One API key as it lies in `<dataDir>/apigateway/<id>.json`. */
export interface ApiKeyRecord {
  readonly id: string
  readonly name: string
  readonly value: string
  readonly enabled: boolean
  readonly description?: string | undefined
  /** Epoch seconds. */
  readonly createdAt: number
  /** Ids of usage plans, which the template makes. */
  readonly planIds: readonly string[]
}

/** The API keys of the stand-in, in memory and one file a key. Changes happen in turn. */
export class ApiKeyStore {
  readonly #folder: string
  readonly #keys: Map<string, ApiKeyRecord>
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(folder: string, keys: Map<string, ApiKeyRecord>) {
    this.#folder = folder
    this.#keys = keys
  }

  /** @throws Error naming the file, when one cannot be read */
  static async open(folder: string): Promise<ApiKeyStore> {
    await makePrivateFolder(folder)
    const keys = new Map<string, ApiKeyRecord>()
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      if (name.endsWith('.tmp')) await rm(path)
      else if (name.endsWith('.json')) {
        const record = await readRecord(path)
        keys.set(record.id, record)
      }
    }
    return new ApiKeyStore(folder, keys)
  }

  /** In the order of their names. */
  keys(): ApiKeyRecord[] {
    return [...this.#keys.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  withValue(value: string): ApiKeyRecord | undefined {
    return this.keys().find(key => key.value === value)
  }

  /** @throws AwsError NotFoundException */
  key(id: string): ApiKeyRecord {
    const found = this.#keys.get(id)
    if (found !== undefined) return found
    throw new AwsError('NotFoundException', 'Invalid API Key identifier specified')
  }

  /** @throws AwsError ConflictException when another key has the value */
  add(record: ApiKeyRecord): Promise<void> {
    return this.#inTurn(async () => {
      if (this.withValue(record.value) !== undefined)
        throw new AwsError('ConflictException', 'API Key already exists')
      await this.#write(record)
    })
  }

  /** @throws AwsError NotFoundException, or what `change` throws */
  change(id: string, change: (record: ApiKeyRecord) => ApiKeyRecord): Promise<void> {
    return this.#inTurn(async () => this.#write(change(this.key(id))))
  }

  /** @throws AwsError NotFoundException */
  remove(id: string): Promise<void> {
    return this.#inTurn(async () => {
      await removeDurably(this.#pathOf(this.key(id)))
      this.#keys.delete(id)
    })
  }

  async #write(record: ApiKeyRecord): Promise<void> {
    await writeDurably(this.#pathOf(record), `${JSON.stringify(record, null, 2)}\n`)
    this.#keys.set(record.id, record)
  }

  #pathOf({ id }: ApiKeyRecord): string {
    return join(this.#folder, `${id}.json`)
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(change)
    this.#lastChange = result.catch(() => undefined)
    return result
  }
}

async function readRecord(path: string): Promise<ApiKeyRecord> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    throw new Error(`${path} cannot be read as an API key of the local API Gateway`)
  }
}
