import type { ClientStore, DigestChange } from '../../lambda/oauth/administration/client-administration.ts'
import type { ClientRecord } from '../../lambda/oauth/administration/client-record.ts'
import type { Client } from '../../lambda/oauth/client.ts'
import { type Revocation, revocationSubject, shardOf } from '../../lambda/oauth/revocation.ts'
import type { RevocationStore } from '../../lambda/oauth/revocation-feed.ts'
import type { SigningKey } from '../../lambda/oauth/signing-key.ts'
import { Unavailable } from '../../lambda/oauth/unavailable.ts'
import type { Milliseconds, Time } from './history.ts'
import type { Random } from './random.ts'

/** How far behind a reading is that is not strongly consistent. */
const replicaLag: Milliseconds = 2000

/** `down`: no request arrives. `lossy`: many are done, and their answers get lost. */
export type StoreState = 'up' | 'down' | 'lossy'

interface Row {
  readonly revocation: Revocation
  /** Epoch milliseconds of the writer. */
  readonly revokedAt: number
  readonly writtenAt: Milliseconds
}

/** A store in memory behind a network: it takes time, and may be out of reach. */
export class SimulatedStore {
  state: StoreState = 'up'
  readonly clients = new Map<string, ClientRecord>()
  readonly digests = new Map<string, Uint8Array>()
  readonly keys = new Map<string, SigningKey>()
  readonly claims = new Set<string>()
  readonly #revocations = new Map<string, Row[]>()
  readonly #time: Time
  readonly #random: Random

  constructor(time: Time, random: Random) {
    this.#time = time
    this.#random = random
  }

  /** One request, which is done all at once. @throws Unavailable */
  async call<T>(apply: () => T): Promise<T> {
    await this.#time.sleep(this.#random.between(1, 12))
    if (this.state === 'down') {
      await this.#time.sleep(this.#random.between(100, 900))
      throw new Unavailable('store')
    }
    const result = apply()
    const isLost = this.state === 'lossy' && this.#random.chance(0.5)
    if (isLost) throw new Unavailable('store')
    return result
  }

  /** The clients as administration stores them. */
  readonly clientStore: ClientStore = {
    find: clientId => this.call(() => this.clients.get(clientId)),
    create: (client, change) => this.call(() => this.#putClient(client, change)),
    replace: (client, previousVersion, change) =>
      this.call(() => {
        if (this.clients.get(client.clientId)?.version !== previousVersion) return false
        this.#putClient(client, change)
        return true
      }),
  }

  #putClient(client: ClientRecord, { add, remove = [] }: DigestChange): void {
    this.clients.set(client.clientId, client)
    if (add !== undefined) this.digests.set(add.secretId, add.digest)
    for (const secretId of remove) this.digests.delete(secretId)
  }

  /** A client as the token endpoint sees it. @throws Unavailable */
  findClient(clientId: string): Promise<Client | undefined> {
    return this.call(() => {
      const found = this.clients.get(clientId)
      if (found === undefined || found.status === 'deleted') return undefined
      const secrets = found.secrets.flatMap(secret => {
        const digest = this.digests.get(secret.secretId)
        return digest === undefined ? [] : [{ ...secret, digest }]
      })
      return { ...found, status: found.status, secrets }
    })
  }

  /** As the revocations table does: never lowers a record that is there. @throws Unavailable */
  writeRevocation(revocation: Revocation, revokedAt: number): Promise<void> {
    return this.call(() => {
      const subject = revocationSubject(revocation)
      const rows = this.#revocations.get(subject) ?? []
      const current = rows.at(-1)?.revocation
      const reachesFurther =
        current === undefined ||
        current.expiresAt <= revocation.expiresAt ||
        ('revokedUpTo' in current &&
          'revokedUpTo' in revocation &&
          current.revokedUpTo < revocation.revokedUpTo)
      if (!reachesFurther) return
      this.#revocations.set(subject, [...rows, { revocation, revokedAt, writtenAt: this.#time.now() }])
    })
  }

  /** The revocations as a reader gets them who asks for what is there, or who takes what is at hand. */
  revocationStore(shards: number, reading: 'consistent' | 'eventual'): RevocationStore {
    const rowOf = (rows: readonly Row[] | undefined) => {
      const latest = this.#time.now() - (reading === 'eventual' ? replicaLag : 0)
      return rows?.findLast(({ writtenAt }) => writtenAt <= latest)
    }
    return {
      lookUp: subjects =>
        this.call(() => subjects.flatMap(subject => rowOf(this.#revocations.get(subject))?.revocation ?? [])),
      read: (shard, revokedSince) =>
        this.call(() => {
          const found = [...this.#revocations]
            .filter(([subject]) => shardOf(subject, shards) === shard)
            .flatMap(([, rows]) => rowOf(rows) ?? [])
            .filter(({ revokedAt }) => revokedAt >= revokedSince)
          return { revocations: found.map(({ revocation }) => revocation), next: undefined }
        }),
    }
  }
}
