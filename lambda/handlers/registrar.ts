import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsAdministrationTable } from '../adapters/clients-administration-table.ts'
import { answerCloudFormation } from '../adapters/custom-resource.ts'
import { parseDeclared } from '../adapters/declared-resource-servers.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { ResourceServersTable } from '../adapters/resource-servers-table.ts'
import { registerDeclared } from '../oauth/administration/register-declared.ts'
import { Unavailable } from '../oauth/unavailable.ts'

const { clock, records, watch } = functionContext()
const dynamoDb = dynamoDbClient(watch)
const clients = new ClientsAdministrationTable(dynamoDb, setting('CLIENTS_TABLE'), records)
const store = new ResourceServersTable(dynamoDb, setting('RESOURCE_SERVERS_TABLE'), records)

const ports = {
  store,
  everyResourceServer: () => store.everyResourceServer(),
  everyClient: () => clients.everyClient(),
  clock,
}

/** Answers the custom resource of a deployment. Deleting it deletes no record: clients may have grants there. */
export async function handler(event: CloudFormationCustomResourceEvent, context: Context): Promise<void> {
  const failure = event.RequestType === 'Delete' ? undefined : await register(event, context.awsRequestId)
  await answerCloudFormation(event, 'countersign-resource-servers', failure)
}

async function register(
  event: CloudFormationCustomResourceEvent,
  requestId: string,
): Promise<string | undefined> {
  const decision = {
    audit: 'resource-server.declare',
    requestId,
    sourceIp: undefined,
    actor: 'cloudformation',
  } as const
  try {
    const changed = await registerDeclared(parseDeclared(event.ResourceProperties), ports)
    for (const audience of changed) records.audit({ ...decision, outcome: 'allowed', reason: 'ok', audience })
    return undefined
  } catch (error) {
    const reason = error instanceof Unavailable ? `${error.dependency}_unavailable` : 'internal_error'
    if (!(error instanceof Unavailable)) records.unexpected(error)
    records.audit({ ...decision, outcome: 'failed', reason })
    return `the resource servers could not be registered (${reason}): see the log of the registrar function, then deploy again`
  }
}
