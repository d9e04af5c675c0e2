import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'

/**
 * Every call has an end: without these settings the SDK waits for ever on a store that hangs. Two attempts of at most
 * 450 ms keep a whole request under its deadline. One client a process, so that the retry budget is shared.
 */
const bounded = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 300, requestTimeout: 450, throwOnRequestTimeout: true },
}

export function dynamoDbClient(): DynamoDBClient {
  return new DynamoDBClient(bounded)
}

export function kmsClient(): KMSClient {
  return new KMSClient(bounded)
}

/** The longest that one operation may take, its repetitions included. */
export function deadline(milliseconds = 1000): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(milliseconds) }
}
