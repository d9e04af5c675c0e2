import type { ResourceGrant } from '../client.ts'
import { type Clock, epochSeconds } from '../clock.ts'
import { AdministrationError } from './administration-error.ts'
import type { ClientRecord } from './client-record.ts'
import type { ResourceServerMetadata } from './resource-server-metadata.ts'
import type { ResourceServerRecord } from './resource-server-record.ts'

/** The resource servers' store: strongly consistent reads, conditional single-item writes. All throw Unavailable. */
export interface ResourceServerStore {
  readonly read: (audience: string) => Promise<ResourceServerRecord | undefined>
  readonly readAll: (audiences: readonly string[]) => Promise<readonly ResourceServerRecord[]>
  /** @returns false when it is not at that version any more; undefined = it must not exist */
  readonly write: (record: ResourceServerRecord, previousVersion: number | undefined) => Promise<boolean>
  readonly remove: (audience: string, version: number) => Promise<boolean>
}

export interface ResourceServerPorts {
  readonly store: ResourceServerStore
  /** Every client, page after page. @throws Unavailable */
  readonly everyClient: () => AsyncIterable<ClientRecord>
  readonly clock: Clock
}

/** What can be done to resource servers. What a client is granted cannot be taken away from under it. */
export class ResourceServerAdministration {
  readonly #ports: ResourceServerPorts

  constructor(ports: ResourceServerPorts) {
    this.#ports = ports
  }

  async create({
    audience,
    ...metadata
  }: ResourceServerMetadata & { audience: string }): Promise<ResourceServerRecord> {
    const now = epochSeconds(this.#ports.clock)
    const record: ResourceServerRecord = {
      audience,
      ...metadata,
      managedBy: 'administration',
      version: 1,
      createdAt: now,
      updatedAt: now,
    }
    if (await this.#ports.store.write(record, undefined)) return record
    throw new AdministrationError('conflict', 'a resource server of this audience is registered already')
  }

  async show(audience: string): Promise<ResourceServerRecord> {
    const record = await this.#ports.store.read(audience)
    if (record === undefined) throw new AdministrationError('not_found', 'there is no such resource server')
    return record
  }

  /** Replaces scopes and lifetime. @throws AdministrationError `in_use` when a client has a scope that would go */
  async update(
    audience: string,
    { version, ...metadata }: ResourceServerMetadata & { version: number },
  ): Promise<ResourceServerRecord> {
    const current = await this.#changeable(audience)
    if (current.version !== version) throw conflict()
    const kept = new Set(metadata.scopes.map(({ scope }) => scope))
    const gone = current.scopes.map(({ scope }) => scope).filter(scope => !kept.has(scope))
    if (gone.length > 0) await this.#refuseWhileUsed(audience, gone)
    const updated = {
      ...current,
      ...metadata,
      version: version + 1,
      updatedAt: epochSeconds(this.#ports.clock),
    }
    if (!(await this.#ports.store.write(updated, version))) throw conflict()
    return updated
  }

  /** @throws AdministrationError `in_use` when a client is granted something there, or is this resource server */
  async delete(audience: string): Promise<void> {
    const current = await this.#changeable(audience)
    await this.#refuseWhileUsed(audience, undefined)
    if (!(await this.#ports.store.remove(audience, current.version))) throw conflict()
  }

  async #changeable(audience: string): Promise<ResourceServerRecord> {
    const record = await this.show(audience)
    if (record.managedBy === 'administration') return record
    throw new AdministrationError(
      'conflict',
      'the resource server is declared in the CDK app: change it there and deploy',
    )
  }

  async #refuseWhileUsed(audience: string, scopes: readonly string[] | undefined): Promise<void> {
    const users: string[] = []
    for await (const client of this.#ports.everyClient()) {
      if (uses(client, audience, scopes)) users.push(client.clientId)
    }
    if (users.length === 0) return
    const more = users.length > 3 ? ` and ${users.length - 3} more` : ''
    const what = scopes === undefined ? 'the resource server' : 'a scope that would go'
    const detail = `${what} is granted to ${users.slice(0, 3).join(', ')}${more}: change their grants first`
    throw new AdministrationError('in_use', detail)
  }
}

function uses(client: ClientRecord, audience: string, scopes: readonly string[] | undefined): boolean {
  const grant = client.grants.find(({ resource }) => resource === audience)
  if (scopes === undefined) return grant !== undefined || client.resourceServer === audience
  return grant?.scope.some(scope => scopes.includes(scope)) ?? false
}

function conflict(): AdministrationError {
  return new AdministrationError(
    'conflict',
    'the resource server was changed meanwhile: read it again and repeat the change on its current version',
  )
}

/** What is missing of the registered for these grants, in our own words; undefined = nothing. */
export function unregisteredGrant(
  grants: readonly ResourceGrant[],
  registered: readonly ResourceServerRecord[],
): string | undefined {
  const servers = new Map(registered.map(record => [record.audience, record]))
  for (const [index, { resource, scope }] of grants.entries()) {
    const server = servers.get(resource)
    if (server === undefined) {
      return `grants: the resource of entry ${index + 1} is not registered: register the resource server first`
    }
    const known = new Set(server.scopes.map(entry => entry.scope))
    const unknown = scope.findIndex(value => !known.has(value))
    if (unknown >= 0) {
      return `grants: scope ${unknown + 1} of entry ${index + 1} is not registered for its resource: add it to the resource server first`
    }
  }
  return undefined
}

/** @throws AdministrationError `invalid_client_metadata` when a grant, or the client's own resource server, is not registered */
export async function checkRegistered(
  { grants, resourceServer }: Pick<ClientRecord, 'grants' | 'resourceServer'>,
  { readAll }: Pick<ResourceServerStore, 'readAll'>,
): Promise<void> {
  const audiences = grants.map(({ resource }) => resource)
  const own = resourceServer === undefined ? [] : [resourceServer]
  const registered = await readAll([...audiences, ...own])
  const problem = unregisteredGrant(grants, registered)
  if (problem !== undefined) throw new AdministrationError('invalid_client_metadata', problem)
  if (resourceServer === undefined || registered.some(({ audience }) => audience === resourceServer)) return
  const detail = 'resource_server is not registered: register the resource server first'
  throw new AdministrationError('invalid_client_metadata', detail)
}
