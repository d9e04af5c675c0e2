import { type Clock, epochSeconds } from '../clock.ts'
import { AdministrationError } from './administration-error.ts'
import type { ClientStore, DigestChange } from './client-administration.ts'
import type { ClientRecord } from './client-record.ts'

export interface ChangePorts {
  readonly clients: ClientStore
  readonly clock: Clock
}

/** How often a change is repeated on the newest version when another change came first. */
const maxAttempts = 5

/** @throws AdministrationError `not_found` when there is none, or it was deleted */
export async function showClient(clients: ClientStore, clientId: string): Promise<ClientRecord> {
  const client = await clients.find(clientId)
  if (client === undefined || client.status === 'deleted')
    throw new AdministrationError('not_found', 'there is no such client')
  return client
}

/** Makes a change on the newest version, again when another one came first. A change of nothing writes nothing. */
export async function changeClient(
  { clients, clock }: ChangePorts,
  clientId: string,
  change: (current: ClientRecord) => Partial<ClientRecord>,
  digests: (current: ClientRecord) => DigestChange = () => ({}),
): Promise<ClientRecord> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const current = await showClient(clients, clientId)
    const changes = change(current)
    if (Object.keys(changes).length === 0) return current
    const changed = changedClient(current, changes, clock)
    if (await clients.replace(changed, current.version, digests(current))) return changed
  }
  throw new AdministrationError('conflict')
}

export function changedClient(
  current: ClientRecord,
  changes: Partial<ClientRecord>,
  clock: Clock,
): ClientRecord {
  return { ...current, ...changes, version: current.version + 1, updatedAt: epochSeconds(clock) }
}
