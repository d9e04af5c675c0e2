import type { ClientRecord } from '../../../../lambda/oauth/administration/client-record.ts'
import type { ResourceServerStore } from '../../../../lambda/oauth/administration/resource-server-administration.ts'
import type { ResourceServerRecord } from '../../../../lambda/oauth/administration/resource-server-record.ts'
import { metadata } from './fake-clients.ts'
import { virtualClock } from './fake-revocations.ts'

/** A store of resource servers in memory beside some clients; `beforeWrite` is another administrator's chance. */
export function newResourceServerStore(clients: readonly ClientRecord[] = []) {
  const rows = new Map<string, ResourceServerRecord>()
  const writes: string[] = []
  const state = { beforeWrite: (): void => {} }
  const store: ResourceServerStore = {
    read: async audience => rows.get(audience),
    readAll: async audiences => [...rows.values()].filter(row => audiences.includes(row.audience)),
    write: async (record, previousVersion) => {
      state.beforeWrite()
      if (rows.get(record.audience)?.version !== previousVersion) return false
      writes.push(record.audience)
      rows.set(record.audience, record)
      return true
    },
    remove: async (audience, version) => {
      state.beforeWrite()
      const current = rows.get(audience)
      if (current !== undefined && current.version !== version) return false
      rows.delete(audience)
      return true
    },
  }
  const ports = {
    store,
    everyClient: async function* () {
      yield* clients
    },
    everyResourceServer: async function* () {
      yield* [...rows.values()]
    },
    clock: virtualClock(),
  }
  return { rows, writes, state, ports }
}

export function clientWith(clientId: string, changes: Partial<ClientRecord>): ClientRecord {
  return {
    ...metadata,
    clientId,
    status: 'active',
    version: 1,
    createdAt: 1,
    updatedAt: 1,
    tokensRevokedUpTo: 0,
    secrets: [],
    ...changes,
  }
}
