import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AwsError } from '../aws-json-server.ts'
import { makePrivateFolder, writeDurably } from '../durable-file.ts'

/** One version of a secret. A rotation begins with one that has no value yet. */
export interface VersionRecord {
  readonly versionId: string
  readonly value?: string
  /** Epoch seconds. */
  readonly createdAt: number
  readonly stages: readonly string[]
}

/** One secret as it lies in `<dataDir>/secretsmanager/<name>.json`. Times are epoch seconds. */
export interface SecretRecord {
  readonly arn: string
  readonly name: string
  readonly description?: string
  readonly createdAt: number
  readonly rotatedAt?: number
  readonly tags: Readonly<Record<string, string>>
  readonly versions: readonly VersionRecord[]
}

/** The secrets of the stand-in, in memory and one file a secret, readable by their owner alone. Changes happen in turn. */
export class SecretStore {
  readonly #folder: string
  readonly #secrets: Map<string, SecretRecord>
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(folder: string, secrets: Map<string, SecretRecord>) {
    this.#folder = folder
    this.#secrets = secrets
  }

  /** @throws Error naming the file, when one cannot be read: a secret is never silently left out */
  static async open(folder: string): Promise<SecretStore> {
    await makePrivateFolder(folder)
    const secrets = new Map<string, SecretRecord>()
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      if (name.endsWith('.tmp')) await rm(path)
      else if (name.endsWith('.json')) {
        const record = await readRecord(path)
        secrets.set(record.name, record)
      }
    }
    return new SecretStore(folder, secrets)
  }

  /** By name or ARN. @throws AwsError ResourceNotFoundException */
  secret(secretId: string): SecretRecord {
    const found = this.#secrets.get(secretId) ?? this.secrets().find(({ arn }) => arn === secretId)
    if (found !== undefined) return found
    throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
  }

  secrets(): SecretRecord[] {
    return [...this.#secrets.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @throws AwsError ResourceExistsException */
  add(record: SecretRecord): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#secrets.has(record.name)) {
        const message = `The operation failed because the secret ${record.name} already exists.`
        throw new AwsError('ResourceExistsException', message)
      }
      await this.#write(record)
    })
  }

  /** Replaces a secret by what `change` makes of it as it is when its turn comes; `change` may refuse by throwing. */
  change(secretId: string, change: (record: SecretRecord) => SecretRecord): Promise<SecretRecord> {
    return this.#inTurn(async () => {
      const changed = change(this.secret(secretId))
      await this.#write(changed)
      return changed
    })
  }

  async #write(record: SecretRecord): Promise<void> {
    const path = join(this.#folder, `${encodeURIComponent(record.name)}.json`)
    await writeDurably(path, `${JSON.stringify(record, null, 2)}\n`)
    this.#secrets.set(record.name, record)
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(change)
    this.#lastChange = result.catch(() => undefined)
    return result
  }
}

async function readRecord(path: string): Promise<SecretRecord> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    // The parser's message quotes the text.
    throw new Error(`${path} cannot be read as a secret of the local Secrets Manager`)
  }
}
