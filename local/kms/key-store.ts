import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivateFolder, removeDurably, writeDurably } from '../durable-file.ts'
import type { KeySpec } from './key-spec.ts'
import { KmsError } from './kms-error.ts'

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion'

/** One key as it lies in `<dataDir>/kms/<keyId>.json`. Times are epoch seconds. */
export interface KeyRecord {
  readonly keyId: string
  readonly keySpec: KeySpec
  readonly keyUsage: 'SIGN_VERIFY' | 'ENCRYPT_DECRYPT'
  readonly keyState: KeyState
  readonly description: string
  readonly createdAt: number
  /** Present while the key waits for its deletion. */
  readonly deletedAt?: number
  readonly tags: Readonly<Record<string, string>>
  /** PKCS #8 PEM of a private key, base64 of a symmetric one. */
  readonly material: string
}

export interface AliasRecord {
  readonly keyId: string
  readonly createdAt: number
  readonly updatedAt: number
}

const aliasesFile = 'aliases.json'

/**
 * The keys and aliases of the stand-in, in memory and one file a key. A change resolves once it is durable;
 * until then every reader sees the old value. Changes happen one after the other.
 */
export class KeyStore {
  readonly #folder: string
  readonly #keys: Map<string, KeyRecord>
  readonly #privateKeys = new Map<string, KeyObject>()
  #aliases: ReadonlyMap<string, AliasRecord>
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(
    folder: string,
    keys: Map<string, KeyRecord>,
    aliases: ReadonlyMap<string, AliasRecord>,
  ) {
    this.#folder = folder
    this.#keys = keys
    this.#aliases = aliases
  }

  /** @throws Error naming the file, when one cannot be read: a key is never silently left out. */
  static async open(folder: string): Promise<KeyStore> {
    await makePrivateFolder(folder)
    const keys = new Map<string, KeyRecord>()
    let aliases: [string, AliasRecord][] = []
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      if (name.endsWith('.tmp')) await rm(path)
      else if (name === aliasesFile)
        aliases = Object.entries(await readJson<Record<string, AliasRecord>>(path))
      else if (name.endsWith('.json')) {
        const record = await readJson<KeyRecord>(path)
        keys.set(record.keyId, record)
      }
    }
    return new KeyStore(folder, keys, new Map(aliases))
  }

  key(keyId: string): KeyRecord | undefined {
    return this.#keys.get(keyId)
  }

  keys(): KeyRecord[] {
    return [...this.#keys.values()].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
  }

  alias(name: string): AliasRecord | undefined {
    return this.#aliases.get(name)
  }

  aliases(): [name: string, alias: AliasRecord][] {
    return [...this.#aliases].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** The private key of an asymmetric record, parsed once. */
  privateKey(record: KeyRecord): KeyObject {
    const known = this.#privateKeys.get(record.keyId)
    if (known !== undefined) return known
    const parsed = createPrivateKey(record.material)
    this.#privateKeys.set(record.keyId, parsed)
    return parsed
  }

  async addKey(record: KeyRecord): Promise<void> {
    await this.#inTurn(() => this.#writeKey(record))
  }

  /**
   * Replaces a key's record by what `change` makes of it, and answers the new one. `change` sees the record
   * as it is when its turn comes, and may refuse by throwing.
   */
  changeKey(keyId: string, change: (record: KeyRecord) => KeyRecord): Promise<KeyRecord> {
    return this.#inTurn(async () => {
      const record = this.#keys.get(keyId)
      if (record === undefined) throw new KmsError('NotFoundException', `Key '${keyId}' does not exist`)
      const changed = change(record)
      await this.#writeKey(changed)
      return changed
    })
  }

  /** As `changeKey`, for all aliases at once. */
  changeAliases(
    change: (aliases: ReadonlyMap<string, AliasRecord>) => Map<string, AliasRecord>,
  ): Promise<void> {
    return this.#inTurn(() => this.#writeAliases(change(this.#aliases)))
  }

  /** Deletes the keys whose waiting time is over, with their aliases. */
  deleteDueKeys(nowEpochSeconds: number): Promise<void> {
    const isDue = ({ deletedAt }: KeyRecord) => deletedAt !== undefined && deletedAt <= nowEpochSeconds
    if (!this.keys().some(isDue)) return Promise.resolve()
    return this.#inTurn(async () => {
      for (const { keyId } of this.keys().filter(isDue)) {
        await this.#writeAliases(new Map([...this.#aliases].filter(([, alias]) => alias.keyId !== keyId)))
        await removeDurably(join(this.#folder, `${keyId}.json`))
        this.#keys.delete(keyId)
        this.#privateKeys.delete(keyId)
      }
    })
  }

  async #writeKey(record: KeyRecord): Promise<void> {
    await writeDurably(join(this.#folder, `${record.keyId}.json`), toJson(record))
    this.#keys.set(record.keyId, record)
  }

  async #writeAliases(aliases: ReadonlyMap<string, AliasRecord>): Promise<void> {
    await writeDurably(join(this.#folder, aliasesFile), toJson(Object.fromEntries(aliases)))
    this.#aliases = aliases
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(change)
    this.#lastChange = result.catch(() => undefined)
    return result
  }
}

async function readJson<Content>(path: string): Promise<Content> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new Error(`${path} cannot be read as a key of the local KMS`, { cause })
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
