import { setTimeout as delay } from 'node:timers/promises'
import type {
  CloudFormationCustomResourceEvent,
  Context,
  DynamoDBBatchResponse,
  DynamoDBStreamEvent,
  ScheduledEvent,
} from 'aws-lambda'
import { apiGatewayClient, ServerApiKeys } from '../adapters/api-gateway.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientDirectoryTable } from '../adapters/client-directory.ts'
import { answerCloudFormation } from '../adapters/custom-resource.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { ApiKeyKeeper, type KeptKeys } from '../oauth/api-key-keeper.ts'
import { Unavailable } from '../oauth/unavailable.ts'

const { records, watch } = functionContext()
const store = new ServerApiKeys(apiGatewayClient(), { namePrefix: setting('API_KEY_PREFIX') }, records)

/** Of the invocation that goes on: a function does one thing at a time. */
let invocation: { requestId: string; actor: string } = { requestId: '', actor: '' }

const keeper = new ApiKeyKeeper({
  store,
  clients: new ClientDirectoryTable(dynamoDbClient(watch), setting('CLIENTS_TABLE'), records),
  onChange: (change, clientId) =>
    audit({ audit: `api-key.${change}`, outcome: 'allowed', reason: 'ok', clientId }),
  onTaken: clientId =>
    audit({ audit: 'api-key.create', outcome: 'failed', reason: 'api_key_value_taken', clientId }),
})

/** A deployment waits no longer than this, whatever the number of clients: the schedule goes on. */
const deploymentMilliseconds = 60_000
/** Time to write the last lines, and to answer. */
const timeToEndMilliseconds = 20_000
/** Permissions that are new may need some seconds until they hold. */
const pauseMilliseconds = 3000

type ApiKeysEvent = CloudFormationCustomResourceEvent | DynamoDBStreamEvent | ScheduledEvent

/** Keeps one API key for each client in the usage plans: when a client changes, at a deployment, and on schedule. */
export async function handler(
  event: ApiKeysEvent,
  { awsRequestId: requestId, getRemainingTimeInMillis }: Context,
): Promise<DynamoDBBatchResponse | undefined> {
  const isTimeUp = () => getRemainingTimeInMillis() < timeToEndMilliseconds
  if ('Records' in event) {
    invocation = { requestId, actor: 'dynamodb' }
    return keepChanged(event, isTimeUp)
  }
  if ('RequestType' in event) {
    invocation = { requestId, actor: 'cloudformation' }
    const end = Date.now() + deploymentMilliseconds
    await deploy(event, () => Date.now() > end || isTimeUp())
    return undefined
  }
  invocation = { requestId, actor: 'schedule' }
  const { missing, failure } = await keeper.keepAll(isTimeUp)
  records.apiKeysMissing(missing)
  // The function's failure: the alarm on its errors goes off, and the next run tries again.
  if (failure !== undefined) throw failure
  return undefined
}

/** The first record that could not be dealt with, from which Lambda goes on: one client at a time, in order. */
async function keepChanged(
  { Records }: DynamoDBStreamEvent,
  isTimeUp: () => boolean,
): Promise<DynamoDBBatchResponse> {
  const done = new Set<string>()
  let plans: readonly string[] | undefined
  for (const { dynamodb } of Records) {
    const clientId = dynamodb?.Keys?.client_id?.S
    if (clientId === undefined || done.has(clientId)) continue
    try {
      if (isTimeUp()) throw new Unavailable('api_gateway')
      plans ??= await store.plans()
      await keeper.keep(clientId, plans)
      done.add(clientId)
    } catch (error) {
      audit({ audit: 'api-key.keep', outcome: 'failed', reason: reasonOf(error), clientId })
      return { batchItemFailures: [{ itemIdentifier: dynamodb?.SequenceNumber ?? '' }] }
    }
  }
  return { batchItemFailures: [] }
}

/** A usage plan has come, changed, or goes. What does not fit into the time is done on schedule, and fails nothing. */
async function deploy(event: CloudFormationCustomResourceEvent, isTimeUp: () => boolean): Promise<void> {
  const { UsagePlanId } = event.ResourceProperties
  const planId = String(UsagePlanId)
  const isDelete = event.RequestType === 'Delete'
  const reason = await patiently(
    () => (isDelete ? keeper.removeAll(planId, isTimeUp) : keeper.keepAll(isTimeUp, planId)),
    isTimeUp,
  )
  if (reason !== undefined) audit({ audit: 'api-key.keep', outcome: 'failed', reason, clientId: undefined })
  const failure =
    reason === undefined || isDelete
      ? undefined
      : `the API keys of the clients could not be made (${reason}): see the log of the API keys function, then deploy again`
  await answerCloudFormation(event, planId, failure)
}

/** @returns why nothing could be done; what failed for some clients, or other plans, only is left to the schedule */
async function patiently(run: () => Promise<KeptKeys>, isTimeUp: () => boolean): Promise<string | undefined> {
  for (;;) {
    const reason = await run().then(
      ({ done, missing, leftOver, failure }) =>
        failure === undefined || done > 0 || missing + leftOver === 0 ? undefined : reasonOf(failure),
      reasonOf,
    )
    if (reason === undefined || reason === 'internal_error' || isTimeUp()) return reason
    await delay(pauseMilliseconds)
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Unavailable) return `${error.dependency}_unavailable`
  records.unexpected(error)
  return 'internal_error'
}

function audit(
  event: Pick<Parameters<typeof records.audit>[0], 'audit' | 'outcome' | 'reason' | 'clientId'>,
): void {
  records.audit({ ...event, ...invocation, sourceIp: undefined })
}
