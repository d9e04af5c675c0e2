import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { FailureSubject, RecentFailures } from '../oauth/authentication-failures.ts'

/** The key of a counter in the single-use table. */
export function failuresId({ clientId, source }: FailureSubject): string {
  return `failures#${clientId}#${source}`
}

/** A counter; one that is malformed counts nothing, as it may lock nobody out. */
export function parseFailures(attributes: Record<string, AttributeValue>): RecentFailures | undefined {
  const count = Number(attributes.failures?.N)
  const since = Number(attributes.since?.N)
  return Number.isSafeInteger(count) && Number.isSafeInteger(since) ? { count, since } : undefined
}
