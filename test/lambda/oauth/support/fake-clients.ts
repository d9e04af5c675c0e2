import {
  ClientAdministration,
  type ClientStore,
  type DigestChange,
} from '../../../../lambda/oauth/administration/client-administration.ts'
import type { ClientRecord } from '../../../../lambda/oauth/administration/client-record.ts'
import type { ResourceServerRecord } from '../../../../lambda/oauth/administration/resource-server-record.ts'
import type { Revocation } from '../../../../lambda/oauth/revocation.ts'
import { Unavailable } from '../../../../lambda/oauth/unavailable.ts'
import { virtualClock } from './fake-revocations.ts'
import { audience } from './token-maker.ts'

export const metadata = {
  clientName: 'billing',
  tokenEndpointAuthMethod: 'client_secret_basic' as const,
  grants: [{ resource: audience, scope: ['orders:read'] }],
  accessTokenLifetimeSeconds: undefined,
  jwks: undefined,
  jwksUri: undefined,
  tokenEndpointAuthSigningAlg: undefined,
  resourceServer: undefined,
}

/** The resource server that `metadata` has a grant at. */
export const resourceServer: ResourceServerRecord = {
  audience,
  scopes: [
    { scope: 'orders:read', description: 'Read orders' },
    { scope: 'orders:write', description: '' },
  ],
  accessTokenLifetimeSeconds: undefined,
  managedBy: 'administration',
  version: 1,
  createdAt: 1,
  updatedAt: 1,
}

/** Administration over a store in memory, which notes the order of writes and fails on demand. */
export function newAdministration() {
  const clock = virtualClock()
  const clients = new Map<string, ClientRecord>()
  const digests = new Map<string, Uint8Array>()
  const writes: string[] = []
  const revocations: Revocation[] = []
  /** `isAnswerLost`: the next replacement is written, and its repetition finds another version. */
  const state = { isRevocationsDown: false, isAnswerLost: false, beforeReplace: (): void => {} }
  const asked: (readonly string[])[] = []
  const resourceServers = [resourceServer]
  const apply = ({ add, remove = [] }: DigestChange) => {
    if (add !== undefined) digests.set(add.secretId, add.digest)
    for (const secretId of remove) digests.delete(secretId)
  }
  const store: ClientStore = {
    find: async clientId => clients.get(clientId),
    create: async (client, change) => {
      if (clients.has(client.clientId)) throw new Unavailable('store')
      writes.push('client')
      clients.set(client.clientId, client)
      apply(change)
    },
    replace: async (client, previousVersion, change) => {
      state.beforeReplace()
      if (clients.get(client.clientId)?.version !== previousVersion) return false
      writes.push('client')
      clients.set(client.clientId, client)
      apply(change)
      const isAnswered = !state.isAnswerLost
      state.isAnswerLost = false
      return isAnswered
    },
  }
  let random = 0
  const ports = {
    clients: store,
    resourceServers: {
      readAll: async (audiences: readonly string[]) => {
        asked.push(audiences)
        return resourceServers.filter(server => audiences.includes(server.audience))
      },
    },
    writeRevocation: async (revocation: Revocation) => {
      if (state.isRevocationsDown) throw new Unavailable('store')
      writes.push('revocation')
      revocations.push(revocation)
    },
    randomBytes: (size: number) => new Uint8Array(size).fill(++random),
    clock,
  }
  const administration = new ClientAdministration(ports)
  return {
    administration,
    ports,
    resourceServers,
    clock,
    clients,
    digests,
    writes,
    revocations,
    asked,
    state,
  }
}
