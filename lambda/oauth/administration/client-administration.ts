import { digestSecret, formatSecret, maxLiveSecrets } from '../client-secret.ts'
import { type Clock, epochSeconds } from '../clock.ts'
import { type Revocation, revokeClientTokens } from '../revocation.ts'
import { nextRevocationMoment } from '../revocation-moment.ts'
import { AdministrationError } from './administration-error.ts'
import { changeClient, changedClient, showClient } from './change-client.ts'
import type { ClientMetadata } from './client-metadata.ts'
import { type ClientRecord, liveSecrets, type SecretRecord } from './client-record.ts'
import { checkRegistered, type ResourceServerStore } from './resource-server-administration.ts'

/** What a write changes beside the members of the record: digests are written and never read here. */
export interface DigestChange {
  readonly add?: { readonly secretId: string; readonly digest: Uint8Array }
  readonly remove?: readonly string[]
}

/** The clients' store. Every write is one conditional write of one item; it returns once durable. */
export interface ClientStore {
  /** Strongly consistent; tombstones as well. @throws Unavailable */
  readonly find: (clientId: string) => Promise<ClientRecord | undefined>
  readonly create: (client: ClientRecord, digests: DigestChange) => Promise<void>
  /** @returns false when the client is not at that version any more */
  readonly replace: (client: ClientRecord, previousVersion: number, digests: DigestChange) => Promise<boolean>
}

export interface AdministrationPorts {
  readonly clients: ClientStore
  readonly resourceServers: Pick<ResourceServerStore, 'readAll'>
  readonly writeRevocation: (revocation: Revocation) => Promise<void>
  readonly randomBytes: (size: number) => Uint8Array
  readonly clock: Clock
}

export interface CreatedClient {
  readonly client: ClientRecord
  /** The secret's text, this once; undefined when the client authenticates with a key of its own. */
  readonly clientSecret: string | undefined
}

export interface IssuedSecret {
  readonly client: ClientRecord
  readonly secretId: string
  /** The text, this once. */
  readonly clientSecret: string
}

/** What can be done to clients. Each change is one write on the client's current version; repeating any is safe. */
export class ClientAdministration {
  readonly #ports: AdministrationPorts

  constructor(ports: AdministrationPorts) {
    this.#ports = ports
  }

  /** @throws AdministrationError `invalid_client_metadata` when a grant names what is not registered */
  async create(metadata: ClientMetadata): Promise<CreatedClient> {
    await checkRegistered(metadata, this.#ports.resourceServers)
    const now = epochSeconds(this.#ports.clock)
    const secret = hasSecrets(metadata) ? this.#newSecret(now) : undefined
    const client: ClientRecord = {
      ...metadata,
      clientId: this.#randomHex(16),
      status: 'active',
      version: 1,
      createdAt: now,
      updatedAt: now,
      tokensRevokedUpTo: 0,
      secrets: secret === undefined ? [] : [secret.record],
    }
    await this.#ports.clients.create(client, secret === undefined ? {} : { add: digestOf(secret) })
    return { client, clientSecret: secret?.text }
  }

  async show(clientId: string): Promise<ClientRecord> {
    return showClient(this.#ports.clients, clientId)
  }

  /** Replaces the metadata. New tokens follow it; tokens already issued keep what they were granted. */
  async update(
    clientId: string,
    { version, ...metadata }: ClientMetadata & { version: number },
  ): Promise<ClientRecord> {
    const client = await this.show(clientId)
    if (client.version !== version) throw new AdministrationError('conflict')
    await checkRegistered(metadata, this.#ports.resourceServers)
    const updated = changedClient(client, metadata, this.#ports.clock)
    if (!(await this.#ports.clients.replace(updated, version, {}))) throw new AdministrationError('conflict')
    return updated
  }

  /** No new tokens, and every token issued up to now is refused. A client that is disabled stays as it is. */
  async disable(clientId: string): Promise<ClientRecord> {
    const client = await this.#change(clientId, current =>
      current.status === 'disabled'
        ? {}
        : { status: 'disabled', tokensRevokedUpTo: this.#nextMoment(current) },
    )
    await this.#revokeUpToMoment(client)
    return client
  }

  /** New tokens again. The older ones stay refused, also when the second write of a disabling had failed. */
  async enable(clientId: string): Promise<ClientRecord> {
    const current = await this.show(clientId)
    if (current.tokensRevokedUpTo > 0) await this.#revokeUpToMoment(current)
    return this.#change(clientId, client => (client.status === 'active' ? {} : { status: 'active' }))
  }

  /** Leaves a tombstone: the identifier is never used again, and every token issued up to now is refused. */
  async delete(clientId: string): Promise<void> {
    await this.#revokeUpToMoment((await this.#tombstone(clientId)) ?? (await this.#bury(clientId)))
  }

  /** What a deletion has left: one that was cut off between its two writes is completed by repeating it. */
  async #tombstone(clientId: string): Promise<ClientRecord | undefined> {
    const found = await this.#ports.clients.find(clientId)
    return found?.status === 'deleted' ? found : undefined
  }

  async #bury(clientId: string): Promise<ClientRecord> {
    try {
      return await this.#change(
        clientId,
        current => ({ status: 'deleted', secrets: [], tokensRevokedUpTo: this.#nextMoment(current) }),
        current => ({ remove: current.secrets.map(secret => secret.secretId) }),
      )
    } catch (error) {
      // Another deletion may have come first, and may not live to write the revocation.
      const tombstone = await this.#tombstone(clientId)
      if (tombstone === undefined) throw error
      return tombstone
    }
  }

  /** Refuses every token of the client issued up to now. @returns the moment, epoch seconds */
  async revokeTokens(clientId: string): Promise<number> {
    const client = await this.#change(clientId, current => ({ tokensRevokedUpTo: this.#nextMoment(current) }))
    await this.#revokeUpToMoment(client)
    return client.tokensRevokedUpTo
  }

  /**
   * Adds a secret; the live one expires when the overlap is over.
   *
   * @throws AdministrationError `too_many_secrets` when two are live, naming them; `invalid_request` for a client that
   * authenticates with a key of its own, or whose secret the deployment keeps in Secrets Manager
   */
  async addSecret(clientId: string, overlapSeconds: number): Promise<IssuedSecret> {
    const now = epochSeconds(this.#ports.clock)
    const secret = this.#newSecret(now)
    const { record, text } = secret
    const client = await this.#change(
      clientId,
      current => {
        if (!hasSecrets(current)) throw noSecrets()
        if (current.declaration !== undefined) throw keptElsewhere()
        // Written by an attempt whose answer was lost.
        if (current.secrets.some(secret => secret.secretId === record.secretId)) return {}
        const live = liveSecrets(current, now)
        if (live.length >= maxLiveSecrets) throw tooManySecrets(live)
        const expiring = live.map(secret => ({
          ...secret,
          expiresAt: earlier(secret.expiresAt, now + overlapSeconds),
        }))
        return { secrets: [...expiring, record] }
      },
      current => ({
        add: digestOf(secret),
        remove: expiredSecretIds(current, now),
      }),
    )
    return { client, secretId: record.secretId, clientSecret: text }
  }

  async removeSecret(clientId: string, secretId: string): Promise<void> {
    await this.#change(
      clientId,
      current => {
        const remaining = current.secrets.filter(secret => secret.secretId !== secretId)
        if (remaining.length === current.secrets.length) {
          throw new AdministrationError('not_found', 'the client has no such secret')
        }
        return { secrets: remaining }
      },
      () => ({ remove: [secretId] }),
    )
  }

  #change(
    clientId: string,
    change: (current: ClientRecord) => Partial<ClientRecord>,
    digests?: (current: ClientRecord) => DigestChange,
  ): Promise<ClientRecord> {
    return changeClient(this.#ports, clientId, change, digests)
  }

  #nextMoment(client: ClientRecord): number {
    return nextRevocationMoment(this.#ports.clock.now(), client.tokensRevokedUpTo)
  }

  /** The second of the two writes, client first: only after both may success be told. */
  async #revokeUpToMoment(client: ClientRecord): Promise<void> {
    await this.#ports.writeRevocation(revokeClientTokens(client.clientId, client.tokensRevokedUpTo))
  }

  #newSecret(now: number): { record: SecretRecord; text: string } {
    const record = { secretId: this.#randomHex(8), createdAt: now, expiresAt: undefined }
    return { record, text: formatSecret(this.#ports.randomBytes(32)) }
  }

  #randomHex(size: number): string {
    return Buffer.from(this.#ports.randomBytes(size)).toString('hex')
  }
}

export function hasSecrets({ tokenEndpointAuthMethod }: ClientMetadata): boolean {
  return tokenEndpointAuthMethod !== 'private_key_jwt'
}

function digestOf({ record, text }: { record: SecretRecord; text: string }) {
  return { secretId: record.secretId, digest: digestSecret(text) }
}

/** A secret that only its caller knows would end the one that programs read there. */
function keptElsewhere(): AdministrationError {
  const detail = 'the client is declared by an app, its secret is in Secrets Manager: have that rotated there'
  return new AdministrationError('invalid_request', detail)
}

function noSecrets(): AdministrationError {
  const detail = 'the client authenticates with private_key_jwt: it has keys, and no secret'
  return new AdministrationError('invalid_request', detail)
}

export function earlier(a: number | undefined, b: number): number {
  return a === undefined ? b : Math.min(a, b)
}

function expiredSecretIds(client: ClientRecord, now: number): readonly string[] {
  const live = new Set(liveSecrets(client, now))
  return client.secrets.filter(secret => !live.has(secret)).map(secret => secret.secretId)
}

function tooManySecrets(live: readonly SecretRecord[]): AdministrationError {
  const ids = live.map(secret => secret.secretId).join(' and ')
  const [oldest] = [...live].sort((a, b) => a.createdAt - b.createdAt)
  const detail = `the client has two live secrets, ${ids}: remove one first, the older is ${oldest?.secretId}`
  return new AdministrationError('too_many_secrets', detail)
}
