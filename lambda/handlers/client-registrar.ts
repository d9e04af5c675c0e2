import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsAdministrationTable } from '../adapters/clients-administration-table.ts'
import { configuredRevocations } from '../adapters/configured-stores.ts'
import { answerCloudFormation } from '../adapters/custom-resource.ts'
import { parseDeclaredClient } from '../adapters/declared-client.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { ResourceServersTable } from '../adapters/resource-servers-table.ts'
import { SecretsManager, secretsManagerClient } from '../adapters/secrets-manager.ts'
import { AdministrationError } from '../oauth/administration/administration-error.ts'
import { DeclaredClients, declaredClientId } from '../oauth/administration/declared-clients.ts'
import { Unavailable } from '../oauth/unavailable.ts'

const { clock, records, watch } = functionContext()
const dynamoDb = dynamoDbClient(watch)
const revocations = configuredRevocations(dynamoDb, records)

const declaredClients = new DeclaredClients({
  clients: new ClientsAdministrationTable(dynamoDb, setting('CLIENTS_TABLE'), records),
  resourceServers: new ResourceServersTable(dynamoDb, setting('RESOURCE_SERVERS_TABLE'), records),
  vault: new SecretsManager(secretsManagerClient(), records),
  writeRevocation: revocation => revocations.write(revocation, clock.now()),
  randomBytes,
  clock,
})

/** Permissions of a role that is new may need some seconds until they hold; an answer has to be sent in any case. */
const pauseMilliseconds = 3000
const timeToAnswerMilliseconds = 30_000

/** Answers the custom resource of one declared client: registers it, changes it, and ends its access. */
export async function handler(event: CloudFormationCustomResourceEvent, context: Context): Promise<void> {
  const clientId = clientIdOf(event)
  const failure = await patiently(event, clientId, context)
  const { SecretArn } = event.ResourceProperties
  const data = typeof SecretArn === 'string' ? { SecretArn } : undefined
  await answerCloudFormation(event, clientId, failure, data)
}

/** A create that timed out has a physical id that CloudFormation made up: its rollback finds the client all the same. */
function clientIdOf(event: CloudFormationCustomResourceEvent): string {
  const given = event.RequestType === 'Create' ? '' : event.PhysicalResourceId
  return /^[0-9a-f]{32}$/.test(given) ? given : declaredClientId(event.StackId, event.LogicalResourceId)
}

async function patiently(
  event: CloudFormationCustomResourceEvent,
  clientId: string,
  { awsRequestId: requestId, getRemainingTimeInMillis }: Context,
): Promise<string | undefined> {
  const audit = event.RequestType === 'Delete' ? 'client.withdraw' : 'client.declare'
  const decision = { audit, requestId, sourceIp: undefined, actor: 'cloudformation', clientId } as const
  for (;;) {
    try {
      await apply(event, clientId)
      records.audit({ ...decision, outcome: 'allowed', reason: 'ok' })
      return undefined
    } catch (error) {
      if (error instanceof Unavailable && getRemainingTimeInMillis() > timeToAnswerMilliseconds) {
        await delay(pauseMilliseconds)
        continue
      }
      const [reason, detail] = explain(error)
      records.audit({ ...decision, outcome: 'failed', reason })
      return `the client could not be ${audit === 'client.withdraw' ? 'disabled' : 'registered'} (${reason}): ${detail}`
    }
  }
}

async function apply(event: CloudFormationCustomResourceEvent, clientId: string): Promise<void> {
  // A physical id is what some function once answered: with it alone, a template could take any client over.
  if (clientId !== declaredClientId(event.StackId, event.LogicalResourceId)) {
    const detail = `client ${clientId} was not declared by this resource, and is not touched`
    throw new AdministrationError('conflict', detail)
  }
  if (event.RequestType === 'Delete') return declaredClients.withdraw(clientId)
  await declaredClients.declare(clientId, parseDeclaredClient(event.ResourceProperties), event.RequestId)
}

function explain(error: unknown): [reason: string, detail: string] {
  const seeLog = 'see the log of the client registrar function, then deploy again'
  if (error instanceof AdministrationError) return [error.code, error.detail]
  if (error instanceof Unavailable) return [`${error.dependency}_unavailable`, seeLog]
  records.unexpected(error)
  return ['internal_error', seeLog]
}
