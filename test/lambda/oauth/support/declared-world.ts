import {
  type DeclaredClient,
  DeclaredClients,
} from '../../../../lambda/oauth/administration/declared-clients.ts'
import {
  type RotationPorts,
  type RotationStep,
  rotateSecret,
} from '../../../../lambda/oauth/administration/rotate-secret.ts'
import {
  type ClientCredentials,
  parseCredentials,
  type SecretVault,
} from '../../../../lambda/oauth/administration/secret-vault.ts'
import { digestSecret } from '../../../../lambda/oauth/client-secret.ts'
import { epochSeconds } from '../../../../lambda/oauth/clock.ts'
import type { SecretRecord, VersionRecord } from '../../../../local/secrets-manager/secret-store.ts'
import { moveStage, putVersion, withId, withStage } from '../../../../local/secrets-manager/versions.ts'
import { metadata, newAdministration } from './fake-clients.ts'
import { audience } from './token-maker.ts'

export const clientId = 'a'.repeat(32)
export const secretArn = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:billing-AbCdEf'
export const overlapSeconds = 600
export const tokenEndpoint = 'https://issuer.example.com/token'
export const steps: readonly RotationStep[] = ['createSecret', 'setSecret', 'testSecret', 'finishSecret']

export const declared: DeclaredClient = {
  metadata,
  declaration: { secret: { arn: secretArn, overlapSeconds } },
  tokenEndpoint,
}

/** The same client with keys instead of a secret. */
export const withKeys: Partial<DeclaredClient> = {
  metadata: {
    ...metadata,
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwksUri: 'https://billing.example.com/jwks.json',
  },
  declaration: { secret: undefined },
}

/** The same client with one scope more. */
export const wider: Partial<DeclaredClient> = {
  metadata: { ...metadata, grants: [{ resource: audience, scope: ['orders:read', 'orders:write'] }] },
}

/** What ends a run in the middle: the process, or its time. */
export class Crash extends Error {}

/**
 * A deployment with one declared client and its secret, in memory. `crashAt` ends a run at its n-th call of a port,
 * before that call or after it, and every call is followed by a look at whether programs get on.
 */
export function declaredWorld() {
  const { ports, clients, digests, revocations, resourceServers, clock, administration } = newAdministration()
  const secrets = new Map<string, SecretRecord>()
  const state = {
    calls: 0,
    crashAt: Number.POSITIVE_INFINITY,
    isAfter: false,
    isServed: false,
    isWatched: true,
    isReachable: true,
  }
  const recordOf = (arn: string): SecretRecord =>
    secrets.get(arn) ?? { arn, name: arn, createdAt: 0, tags: {}, versions: [] }

  const port =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const isLast = ++state.calls === state.crashAt
      if (isLast && !state.isAfter) throw new Crash()
      const result = await call(...args)
      checkPrograms()
      if (isLast) throw new Crash()
      return result
    }

  const vault: SecretVault = {
    current: port(async arn => answer(withStage(recordOf(arn), 'AWSCURRENT'))),
    version: port(async (arn, versionId) => answer(withId(recordOf(arn), versionId))),
    stages: port(async (arn, versionId) => withId(recordOf(arn), versionId)?.stages),
    put: port(async (arn, { versionId, value }) => {
      const existing = withId(recordOf(arn), versionId)?.value
      if (existing !== undefined && existing !== value) return false
      secrets.set(arn, putVersion(recordOf(arn), { versionId, value, createdAt: 0 }, ['AWSPENDING']))
      return true
    }),
    makeCurrent: port(async (arn, versionId, previous) => {
      if (withStage(recordOf(arn), 'AWSCURRENT')?.versionId !== previous) throw new Crash('moved meanwhile')
      secrets.set(arn, moveStage(recordOf(arn), 'AWSCURRENT', versionId))
    }),
  }
  const answer = (version: { versionId: string; value?: string } | undefined) =>
    version?.value === undefined ? undefined : { versionId: version.versionId, value: version.value }

  const stored = (stage = 'AWSCURRENT', arn = secretArn): ClientCredentials | undefined => {
    const value = withStage(recordOf(arn), stage)?.value
    return value === undefined ? undefined : parseCredentials(value)
  }

  /** What programs read. @throws Error where nothing is stored */
  const read = (): ClientCredentials => {
    const credentials = stored()
    if (credentials === undefined) throw new Error('nothing is stored')
    return credentials
  }

  /** Whether a secret gets its client a token now, as client authentication would decide. */
  const isAccepted = ({ client_id, client_secret, secret_id }: ClientCredentials): boolean => {
    const client = clients.get(client_id)
    const now = epochSeconds(clock)
    const isLive = client?.secrets.some(
      ({ secretId, expiresAt }) => secretId === secret_id && (expiresAt ?? now + 1) > now,
    )
    return Boolean(
      isLive &&
        client?.status === 'active' &&
        digestSecret(client_secret).equals(digests.get(secret_id) ?? new Uint8Array()),
    )
  }

  /** Once programs have been served by what they read, every moment serves them. */
  const checkPrograms = () => {
    if (!state.isWatched) return
    const current = stored()
    const isServed = current !== undefined && isAccepted(current)
    if (state.isServed && !isServed) throw new Error('what programs read is not accepted')
    state.isServed ||= isServed
  }

  const rotation: RotationPorts = {
    clients: {
      find: port(ports.clients.find),
      create: port(ports.clients.create),
      replace: port(ports.clients.replace),
    },
    vault,
    isAuthenticated: port(async credentials => {
      if (!state.isReachable) throw new Error('timeout')
      return isAccepted(credentials)
    }),
    randomBytes: ports.randomBytes,
    clock,
  }
  const declaredClients = new DeclaredClients({
    ...rotation,
    resourceServers: { readAll: port(ports.resourceServers.readAll) },
    writeRevocation: port(ports.writeRevocation),
  })

  const world = {
    clients,
    digests,
    secrets,
    revocations,
    resourceServers,
    clock,
    state,
    administration,
    stored,
    read,
    isAccepted,
    client: () => clients.get(clientId),
    declare: (changes: Partial<DeclaredClient> = {}, requestId = 'request-1') =>
      declaredClients.declare(clientId, { ...declared, ...changes }, requestId),
    withdraw: () => declaredClients.withdraw(clientId),
    /** What Secrets Manager does first: a version without a value. */
    beginRotation: (versionId: string) => {
      const record = recordOf(secretArn)
      const versions = [...record.versions, { versionId, createdAt: 0, stages: [] }]
      secrets.set(secretArn, moveStage({ ...record, versions }, 'AWSPENDING', versionId))
    },
    /** Somebody else's change of what is stored. */
    setVersions: (change: (version: VersionRecord) => VersionRecord) => {
      const record = recordOf(secretArn)
      secrets.set(secretArn, { ...record, versions: record.versions.map(change) })
    },
    step: (step: RotationStep, versionId: string, arn = secretArn) =>
      rotateSecret(rotation, step, arn, versionId),
    rotate: async (versionId: string) => {
      world.beginRotation(versionId)
      for (const step of steps) await world.step(step, versionId)
    },
    /** Runs, is cut off at the n-th call, and says whether it was. */
    cutOff: async (run: () => Promise<unknown>, crashAt: number, isAfter: boolean): Promise<boolean> => {
      Object.assign(state, { calls: 0, crashAt, isAfter })
      try {
        await run()
        return false
      } catch (error) {
        if (state.calls >= crashAt) return true
        throw error
      } finally {
        state.crashAt = Number.POSITIVE_INFINITY
      }
    },
  }
  return world
}
