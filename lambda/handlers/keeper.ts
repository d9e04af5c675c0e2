import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda'
import { dynamoDbClient, patientKmsClient } from '../adapters/aws-clients.ts'
import { configuredKeysTable } from '../adapters/configured-stores.ts'
import { answerCloudFormation } from '../adapters/custom-resource.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { KmsKeys } from '../adapters/kms-keys.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { createFirstSigningKey } from '../oauth/first-signing-key.ts'
import { Unavailable } from '../oauth/unavailable.ts'

const { clock, records } = functionContext()
const ringName = setting('SIGNING_KEY_RING')
const keysTable = configuredKeysTable(dynamoDbClient(), records)
const kmsKeys = new KmsKeys(patientKmsClient(), ringName, records)

const ports = {
  isRingEmpty: () => keysTable.isEmpty(),
  createKey: () => kmsKeys.create(),
  putKey: keysTable.put.bind(keysTable),
}

/** Answers the custom resource of a deployment. Deleting it deletes no key: tokens may still need them. */
export async function handler(event: CloudFormationCustomResourceEvent, context: Context): Promise<void> {
  const failure = event.RequestType === 'Delete' ? undefined : await ensureFirstKey(context.awsRequestId)
  await answerCloudFormation(event, ringName, failure)
}

async function ensureFirstKey(requestId: string): Promise<string | undefined> {
  const decision = { audit: 'key.create', requestId, sourceIp: undefined, actor: 'cloudformation' } as const
  try {
    const key = await createFirstSigningKey(ports, epochSeconds(clock))
    if (key !== undefined) records.audit({ ...decision, outcome: 'allowed', reason: 'ok', subject: key.kid })
    return undefined
  } catch (error) {
    const reason = error instanceof Unavailable ? `${error.dependency}_unavailable` : 'internal_error'
    if (!(error instanceof Unavailable)) records.unexpected(error)
    records.audit({ ...decision, outcome: 'failed', reason })
    return `the first signing key could not be made (${reason}): see the log of the keeper function, then deploy again`
  }
}
