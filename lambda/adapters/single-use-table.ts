import { createHash, randomUUID } from 'node:crypto'
import { BatchGetItemCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { clockSkewSeconds } from '../oauth/check-claims.ts'
import type { AssertionUse } from '../oauth/client-assertion.ts'
import { Unavailable } from '../oauth/unavailable.ts'
import { deadline, sendWhole } from './aws-clients.ts'
import type { Records } from './records.ts'
import { call, conditionFailed } from './store-call.ts'

const daySeconds = 86_400

/** How long a response may wait for a note that nobody needs. */
const noteMilliseconds = 300

/** BatchGetItem takes this many keys. */
const batchSize = 100

/** How long the day of last use of a secret is kept: longer than anybody lets a secret lie unused. */
const secretUseRetentionSeconds = 400 * daySeconds

/** An assertion is remembered for longer than it can be used. */
const assertionMarginSeconds = 2 * clockSkewSeconds + 60

/** The table of things that happen once: the use of an assertion, and the day on which a secret was last used. */
export class SingleUseTable {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #records: Records
  /** What this environment has written, so that it writes once a day and secret. */
  readonly #writtenDays = new Map<string, string>()

  constructor(client: DynamoDBClient, tableName: string, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#records = records
  }

  /** Notes the day on which a secret was used. Never fails: it is a note for people, not part of a decision. */
  async recordSecretUse(clientId: string, secretId: string, nowSeconds: number): Promise<void> {
    const id = secretUseId(clientId, secretId)
    const day = dayOf(nowSeconds)
    if (this.#writtenDays.get(id) === day) return
    if (this.#writtenDays.size >= 1000) this.#writtenDays.clear()
    this.#writtenDays.set(id, day)
    const put = new PutItemCommand({
      TableName: this.#tableName,
      Item: {
        id: { S: id },
        day: { S: day },
        expires_at: { N: String(nowSeconds + secretUseRetentionSeconds) },
      },
      ConditionExpression: 'attribute_not_exists(id) OR #day < :day',
      ExpressionAttributeNames: { '#day': 'day' },
      ExpressionAttributeValues: { ':day': { S: day } },
    })
    try {
      await call(
        'store',
        () => this.#client.send(put, deadline(noteMilliseconds)),
        this.#records,
        conditionFailed,
      )
    } catch {
      // Written by another environment already, or not at all: either way the token is worth more than the note.
    }
  }

  /**
   * Uses an assertion up (RFC 7523 §3 item 7). The claim names its writer, so that one whose answer was lost and which
   * the SDK repeats is recognised as the first. @returns false when it was used before @throws Unavailable
   */
  async claimAssertion(
    clientId: string,
    { jti, expiresAt }: AssertionUse,
    nowSeconds: number,
  ): Promise<boolean> {
    const by = { S: randomUUID() }
    const put = new PutItemCommand({
      TableName: this.#tableName,
      Item: {
        id: { S: assertionId(clientId, jti) },
        by,
        expires_at: { N: String(expiresAt + assertionMarginSeconds) },
      },
      ConditionExpression: 'attribute_not_exists(id) OR #by = :me OR expires_at < :now',
      ExpressionAttributeNames: { '#by': 'by' },
      ExpressionAttributeValues: { ':me': by, ':now': { N: String(nowSeconds) } },
    })
    try {
      await call('store', () => this.#client.send(put, deadline()), this.#records, conditionFailed)
      return true
    } catch (error) {
      if (error instanceof Unavailable) throw error
      return false
    }
  }

  /**
   * The day (YYYY-MM-DD, UTC) on which secrets were last used, by `secretUseId`; one that was never used is missing.
   *
   * @throws Unavailable
   */
  async lastUsed(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const days = new Map<string, string>()
    for (let start = 0; start < ids.length; start += batchSize) {
      const Keys = ids.slice(start, start + batchSize).map(id => ({ id: { S: id } }))
      const get = new BatchGetItemCommand({ RequestItems: { [this.#tableName]: { Keys } } })
      const { Responses } = await call('store', () => sendWhole(this.#client, get), this.#records)
      for (const { id, day } of Responses?.[this.#tableName] ?? []) {
        if (id?.S !== undefined && day?.S !== undefined) days.set(id.S, day.S)
      }
    }
    return days
  }
}

export function secretUseId(clientId: string, secretId: string): string {
  return `secret-use#${clientId}#${secretId}`
}

/** A `jti` is any text of the client's: its digest is what is kept. */
function assertionId(clientId: string, jti: string): string {
  return `assertion#${clientId}#${createHash('sha256').update(jti).digest('base64url')}`
}

function dayOf(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().slice(0, 10)
}
