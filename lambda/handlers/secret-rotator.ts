import { randomBytes } from 'node:crypto'
import type { Context, SecretsManagerRotationEvent } from 'aws-lambda'
import { authenticationProbe } from '../adapters/authentication-probe.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsAdministrationTable } from '../adapters/clients-administration-table.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { SecretsManager, secretsManagerClient } from '../adapters/secrets-manager.ts'
import { AdministrationError } from '../oauth/administration/administration-error.ts'
import { RotationRefused, rotateSecret } from '../oauth/administration/rotate-secret.ts'
import { Unavailable } from '../oauth/unavailable.ts'

const { clock, records, watch } = functionContext()

const ports = {
  clients: new ClientsAdministrationTable(dynamoDbClient(watch), setting('CLIENTS_TABLE'), records),
  vault: new SecretsManager(secretsManagerClient(), records),
  isAuthenticated: authenticationProbe(setting('INTROSPECTION_ENDPOINT')),
  randomBytes,
  clock,
}

/** The steps that change what a client may authenticate with. */
const audited = { setSecret: 'secret.add', finishSecret: 'secret.rotate' } as const

/** Takes one step of the rotation of a secret. Secrets Manager repeats what failed, and the alarm on errors goes off. */
export async function handler(event: SecretsManagerRotationEvent, context: Context): Promise<void> {
  const { Step: step, SecretId: secretArn, ClientRequestToken: versionId } = event
  const decision = { requestId: context.awsRequestId, sourceIp: undefined, actor: 'secretsmanager' } as const
  try {
    const { clientId, secretId } = await rotateSecret(ports, step, secretArn, versionId)
    if (step === 'setSecret' || step === 'finishSecret')
      records.audit({
        ...decision,
        audit: audited[step],
        outcome: 'allowed',
        reason: 'ok',
        clientId,
        subject: secretId,
      })
  } catch (error) {
    const reason = reasonOf(error)
    records.audit({ ...decision, audit: 'secret.rotate', outcome: 'failed', reason })
    // What the caller is told is made of our own words alone.
    throw new Error(`${step} failed: ${reason}`)
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RotationRefused) return error.reason
  if (error instanceof AdministrationError) return error.code
  if (error instanceof Unavailable) return `${error.dependency}_unavailable`
  records.unexpected(error)
  return 'internal_error'
}
