import {
  type BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  DynamoDBClient,
  type DynamoDBClientConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import type { DeserializeMiddleware } from '@smithy/types'
import type { ClockWatch } from '../oauth/clock-watch.ts'

/**
 * Every call has an end: without these settings the SDK waits for ever on a store that hangs. Two attempts of at most
 * 450 ms keep a whole request under its deadline. One client a process, so that the retry budget is shared.
 */
export const bounded = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 300, requestTimeout: 450, throwOnRequestTimeout: true },
}

/** Where the tables are, and as whom to read them. @default - as the environment says, in all three */
export type DynamoDbAccess = Pick<DynamoDBClientConfig, 'region' | 'credentials' | 'endpoint'>

/** @param watch told of the date in each answer */
export function dynamoDbClient(
  watch: Pick<ClockWatch, 'observe'>,
  access: DynamoDbAccess = {},
): DynamoDBClient {
  const client = new DynamoDBClient({ ...access, ...bounded })
  client.middlewareStack.add(observeDate(watch), {
    step: 'deserialize',
    name: 'observeDate',
    priority: 'low',
  })
  return client
}

function observeDate(
  watch: Pick<ClockWatch, 'observe'>,
): DeserializeMiddleware<ServiceInputTypes, ServiceOutputTypes> {
  return next => async args => {
    const sentAt = Date.now()
    const result = await next(args)
    const { headers = {} } = result.response as { headers?: Record<string, string> }
    watch.observe(Date.parse(headers.date ?? ''), { sentAt, receivedAt: Date.now() })
    return result
  }
}

export function kmsClient(): KMSClient {
  return new KMSClient(bounded)
}

/** For making keys, which is not idempotent: one attempt, with all the time that it may need. */
export function patientKmsClient(): KMSClient {
  return new KMSClient({
    ...bounded,
    maxAttempts: 1,
    requestHandler: { ...bounded.requestHandler, requestTimeout: 5000 },
  })
}

/** The longest that one operation may take, its repetitions included. */
export function deadline(milliseconds = 1000): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(milliseconds) }
}

/** Sends a BatchGetItem that must be answered whole: a key that was not read says nothing about its item. */
export async function sendWhole(
  client: DynamoDBClient,
  command: BatchGetItemCommand,
): Promise<BatchGetItemCommandOutput> {
  const output = await client.send(command, deadline())
  // By number: a table that was asked by its ARN may be answered by its name.
  const tables = Object.keys(command.input.RequestItems ?? {}).length
  const isWhole = Object.keys(output.Responses ?? {}).length === tables
  if (isWhole && Object.keys(output.UnprocessedKeys ?? {}).length === 0) return output
  throw Object.assign(new Error('keys were left unread'), { name: 'UnprocessedKeys' })
}
