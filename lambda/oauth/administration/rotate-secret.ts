import type { TokenEndpointAuthMethod } from '../client.ts'
import { epochSeconds } from '../clock.ts'
import { showClient } from './change-client.ts'
import type { ClientRecord } from './client-record.ts'
import {
  expireOtherSecrets,
  hasLiveSecret,
  type IssuePorts,
  makeSecretCurrent,
  storeSecret,
  takeSecret,
} from './issue-declared-secret.ts'
import { type ClientCredentials, parseCredentials } from './secret-vault.ts'

/** The steps of a rotation, as Secrets Manager asks for them, in this order. */
export type RotationStep = 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret'

export interface RotationPorts extends IssuePorts {
  /** Whether the authorization server takes the credentials. @throws when it cannot be asked */
  readonly isAuthenticated: (
    credentials: ClientCredentials,
    method: TokenEndpointAuthMethod,
  ) => Promise<boolean>
}

/** A rotation that must not go on. The reason is a fixed code. */
export class RotationRefused extends Error {
  override readonly name = 'RotationRefused'
  readonly reason:
    | 'unknown_step'
    | 'version_not_pending'
    | 'no_secret'
    | 'secret_of_other_client'
    | 'secret_not_accepted'
    | 'endpoint_unavailable'

  constructor(reason: RotationRefused['reason']) {
    super(reason)
    this.reason = reason
  }
}

/** What a step has done, for the audit event. */
export interface RotatedSecret {
  readonly clientId: string
  readonly secretId: string
}

/**
 * Takes one step of a rotation of a declared client's secret. Each may be repeated, at any time and by several at once.
 * Which client it is says the stored value; that it may have this secret says the client's record, so that whoever can
 * write to one secret gets no other client's.
 *
 * @throws RotationRefused, Unavailable, AdministrationError
 */
export async function rotateSecret(
  ports: RotationPorts,
  step: RotationStep,
  secretArn: string,
  versionId: string,
): Promise<RotatedSecret> {
  const stages = (await ports.vault.stages(secretArn, versionId)) ?? []
  const isFinished = stages.includes('AWSCURRENT')
  if (!isFinished && !stages.includes('AWSPENDING')) throw new RotationRefused('version_not_pending')
  const current = await readCurrent(ports, secretArn)
  const client = await findOwner(ports, secretArn, current)
  const pending = await readPending(ports, secretArn, versionId)
  const done = ({ client_id, secret_id }: ClientCredentials) => ({ clientId: client_id, secretId: secret_id })

  if (step === 'testSecret') {
    // A schedule that is new is tried out with this step alone, on a version that nothing was created for.
    await test(ports, client, pending ?? current)
    return done(pending ?? current)
  }
  if (step === 'createSecret') {
    const { client_secret, secret_id, ...members } = current
    return done(await storeSecret(ports, secretArn, versionId, members))
  }
  if (pending === undefined || pending.client_id !== client.clientId) throw new RotationRefused('no_secret')
  if (step === 'setSecret') {
    // One that an administrator has removed since does not come back.
    if (!isFinished) await takeSecret(ports, pending, current.secret_id)
    return done(pending)
  }
  if (step !== 'finishSecret') throw new RotationRefused('unknown_step')
  // Programs must never read what the client does not have.
  if (!hasLiveSecret(client, pending.secret_id, epochSeconds(ports.clock)))
    throw new RotationRefused('secret_not_accepted')
  await makeSecretCurrent(ports, secretArn, versionId)
  const { overlapSeconds = 0 } = client.declaration?.secret ?? {}
  await expireOtherSecrets(ports, client.clientId, pending.secret_id, overlapSeconds)
  return done(pending)
}

async function readCurrent({ vault }: RotationPorts, secretArn: string): Promise<ClientCredentials> {
  const current = await vault.current(secretArn)
  if (current === undefined) throw new RotationRefused('no_secret')
  return parseCredentials(current.value)
}

async function readPending(
  { vault }: RotationPorts,
  secretArn: string,
  versionId: string,
): Promise<ClientCredentials | undefined> {
  const pending = await vault.version(secretArn, versionId)
  return pending && parseCredentials(pending.value)
}

async function findOwner(
  { clients }: RotationPorts,
  secretArn: string,
  { client_id: clientId }: ClientCredentials,
): Promise<ClientRecord> {
  const client = await showClient(clients, clientId)
  if (client.declaration?.secret?.arn !== secretArn) throw new RotationRefused('secret_of_other_client')
  return client
}

/** A client that an administrator has disabled is refused with any secret: there is nothing to learn. */
async function test(ports: RotationPorts, client: ClientRecord, secret: ClientCredentials): Promise<void> {
  if (client.status !== 'active') return
  const isAccepted = await ports.isAuthenticated(secret, client.tokenEndpointAuthMethod).catch(() => {
    throw new RotationRefused('endpoint_unavailable')
  })
  if (!isAccepted) throw new RotationRefused('secret_not_accepted')
}
