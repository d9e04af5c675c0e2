import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import {
  type FailureLimit,
  type FailureSubject,
  isCurrent,
  type RecentFailures,
} from '../oauth/authentication-failures.ts'
import { failuresId } from './authentication-failures-item.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { call, conditionFailed } from './store-call.ts'

/** How long an answer may wait for the counter. */
const countMilliseconds = 300

/** The counters of failed authentications, one item for each client and source address in the single-use table. */
export class AuthenticationFailuresTable {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #limit: FailureLimit
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, limit: FailureLimit, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#limit = limit
    this.#records = records
  }

  /**
   * Counts a failure: in the window that was read, or in a new one that begins now. Never fails: a counter that cannot
   * be written must not change the answer.
   */
  async record(
    subject: FailureSubject,
    recent: RecentFailures | undefined,
    nowSeconds: number,
  ): Promise<void> {
    const current = recent !== undefined && isCurrent(recent, this.#limit, nowSeconds) ? recent : undefined
    try {
      const isCounted = current === undefined && (await this.#begin(subject, nowSeconds))
      if (!isCounted) await this.#add(subject, nowSeconds)
    } catch {
      // The adapter has reported it.
    }
  }

  /** @returns false when another failure has begun a window meanwhile */
  async #begin(subject: FailureSubject, nowSeconds: number): Promise<boolean> {
    const begin = new UpdateItemCommand({
      TableName: this.#tableName,
      Key: { id: { S: failuresId(subject) } },
      UpdateExpression: 'SET failures = :one, since = :now, expires_at = :end',
      ConditionExpression: 'attribute_not_exists(id) OR since <= :over',
      ExpressionAttributeValues: {
        ':one': { N: '1' },
        ':now': { N: String(nowSeconds) },
        ':over': { N: String(nowSeconds - this.#limit.windowSeconds) },
        ':end': { N: String(nowSeconds + 2 * this.#limit.windowSeconds) },
      },
    })
    return this.#write(begin)
  }

  async #add(subject: FailureSubject, nowSeconds: number): Promise<boolean> {
    const add = new UpdateItemCommand({
      TableName: this.#tableName,
      Key: { id: { S: failuresId(subject) } },
      UpdateExpression: 'ADD failures :one',
      // Not a window that ended meanwhile, nor a row that has been deleted.
      ConditionExpression: 'since > :over',
      ExpressionAttributeValues: {
        ':one': { N: '1' },
        ':over': { N: String(nowSeconds - this.#limit.windowSeconds) },
      },
    })
    return this.#write(add)
  }

  async #write(update: UpdateItemCommand): Promise<boolean> {
    try {
      await call(
        'store',
        () => this.#client.send(update, deadline(countMilliseconds)),
        this.#records,
        conditionFailed,
      )
      return true
    } catch (error) {
      if (error instanceof Error && error.name === conditionFailed) return false
      throw error
    }
  }
}
