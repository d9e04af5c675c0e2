import type {
  APIGatewayProxyEventV2WithIAMAuthorizer,
  APIGatewayProxyStructuredResultV2,
  CloudFormationCustomResourceEvent,
  Context,
  ScheduledEvent,
} from 'aws-lambda'
import { administrationEndpoint } from '../adapters/administration-endpoint.ts'
import { dynamoDbClient, patientKmsClient } from '../adapters/aws-clients.ts'
import { configuredKeysTable, configuredRevocations } from '../adapters/configured-stores.ts'
import { answerCloudFormation } from '../adapters/custom-resource.ts'
import { choiceSetting, numberSetting, optionalSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { keyOperations } from '../adapters/key-operations.ts'
import { KmsKeys } from '../adapters/kms-keys.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { jwsAlgorithms } from '../oauth/public-key.ts'
import { RingKeeper } from '../oauth/ring-keeper.ts'
import { currentSigningKey, custodies } from '../oauth/signing-key.ts'
import { Unavailable } from '../oauth/unavailable.ts'

const { clock, records, watch } = functionContext()
const dynamoDb = dynamoDbClient(watch)
const ring = setting('SIGNING_KEY_RING')
const policy = {
  algorithm: choiceSetting('SIGNING_ALGORITHM', jwsAlgorithms),
  custody: choiceSetting('SIGNING_KEY_CUSTODY', custodies),
  rotationSeconds: numberSetting('SIGNING_KEY_ROTATION_SECONDS', 1),
}
const wrappingKeyArn = optionalSetting('WRAPPING_KEY_ARN')
const revocations = configuredRevocations(dynamoDb, records)

/** Of the invocation that goes on: a keeper does one thing at a time. */
let invocation: { requestId: string; actor: string } = { requestId: '', actor: '' }

const keeper = new RingKeeper(
  {
    store: configuredKeysTable(dynamoDb, records),
    maker: new KmsKeys(patientKmsClient(), { ring, ...policy, wrappingKeyArn }, records),
    writeRevocation: revocation => revocations.write(revocation, clock.now()),
    now: () => epochSeconds(clock),
    onChange: (change, kid) => {
      const decision = { audit: `key.${change}`, outcome: 'allowed', reason: 'ok', subject: kid } as const
      records.audit({ ...decision, ...invocation, sourceIp: undefined })
    },
    onUnusable: kids => {
      for (const kid of kids) records.signingKeyUnusable(kid)
    },
  },
  policy,
)

const administer = administrationEndpoint(
  keyOperations(keeper, () => keeper.keep().catch(() => {})),
  records,
)

type KeeperEvent =
  | CloudFormationCustomResourceEvent
  | ScheduledEvent
  | APIGatewayProxyEventV2WithIAMAuthorizer

/** Keeps the ring of signing keys: at a deployment, on schedule, and when an administrator asks. */
export async function handler(
  event: KeeperEvent,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2 | undefined> {
  invocation = { requestId: context.awsRequestId, actor: actorOf(event) }
  if ('routeKey' in event) return administer(event)
  if ('RequestType' in event) await deploy(event)
  // A failure is the function's: Lambda tries again, and the alarm on its errors goes off.
  else await keep()
  return undefined
}

async function keep(): Promise<void> {
  await keeper.keep()
  const now = epochSeconds(clock)
  const signFrom = currentSigningKey(await keeper.keys(), now)?.signFrom
  if (signFrom !== undefined) records.signingKeyAge((now - signFrom) / 86_400)
}

function actorOf(event: KeeperEvent): string {
  if ('RequestType' in event) return 'cloudformation'
  return 'routeKey' in event ? (event.requestContext.authorizer?.iam?.userArn ?? '') : 'schedule'
}

/** Deleting the custom resource deletes no key: tokens may still need them. */
async function deploy(event: CloudFormationCustomResourceEvent): Promise<void> {
  const failure = event.RequestType === 'Delete' ? undefined : await keepPatiently()
  await answerCloudFormation(event, ring, failure)
}

/** A key's tag may need a while until permissions that depend on it hold: asks again for up to half a minute. */
async function keepPatiently(): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const reason = await keeper.keep().then(() => undefined, failureOf)
    if (reason === undefined) return undefined
    const mayPass = reason === 'kms_unavailable' && (await keeper.isWaiting().catch(() => false))
    if (!mayPass || attempt === 10) {
      records.audit({ audit: 'key.create', outcome: 'failed', reason, ...invocation, sourceIp: undefined })
      return `the signing keys could not be made (${reason}): see the log of the keeper function, then deploy again`
    }
    await new Promise(resolve => setTimeout(resolve, 3000))
  }
}

function failureOf(error: unknown): string {
  if (error instanceof Unavailable) return `${error.dependency}_unavailable`
  records.unexpected(error)
  return 'internal_error'
}
