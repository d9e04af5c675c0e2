import { createHash } from 'node:crypto'
import {
  type AttributeValue,
  DescribeTableCommand,
  DynamoDBClient,
  paginateScan,
} from '@aws-sdk/client-dynamodb'
import { localCredentials } from '../local-credentials.ts'

/** One record of a stream of the view type KEYS_ONLY. */
export interface ChangeRecord {
  readonly eventID: string
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE'
  readonly eventSource: 'aws:dynamodb'
  readonly eventSourceARN: string
  readonly dynamodb: {
    readonly Keys: Record<string, AttributeValue>
    readonly SequenceNumber: string
    readonly StreamViewType: 'KEYS_ONLY'
  }
}

/** Takes records in order. @returns how many were dealt with: the rest comes again */
export type TakeChanges = (records: readonly ChangeRecord[]) => Promise<number>

export interface TableChangesOptions {
  readonly endpoint: string
  readonly region: string
  readonly tableName: string
  readonly streamArn: string
  readonly batchSize: number
  /** After so many, a change that is not taken is given up. */
  readonly attempts: number
}

interface Row {
  readonly keys: Record<string, AttributeValue>
  readonly digest: string
}

/**
 * The changes of a table, found by comparing its rows: the local engines have no streams. Several changes of a row between two
 * looks are one; at first every row is new.
 */
export class TableChanges {
  readonly #options: TableChangesOptions
  readonly #client: DynamoDBClient
  readonly #known = new Map<string, Row>()
  readonly #failures = new Map<string, number>()
  #keyNames: readonly string[] | undefined
  #sequence = 0

  constructor(options: TableChangesOptions) {
    const { endpoint, region } = options
    this.#options = options
    this.#client = new DynamoDBClient({ endpoint, region, credentials: localCredentials })
  }

  /** Looks once, and hands over what is new. @throws what the store's client throws */
  async look(take: TakeChanges): Promise<void> {
    const rows = await this.#rows()
    const changed = [...rows].filter(([id, { digest }]) => this.#known.get(id)?.digest !== digest)
    const removed = [...this.#known].filter(([id]) => !rows.has(id))
    const changes = [
      ...changed.map(([id, row]) => ({ id, row, name: this.#known.has(id) ? 'MODIFY' : 'INSERT' }) as const),
      ...removed.map(([id, row]) => ({ id, row, name: 'REMOVE' }) as const),
    ]
    const { batchSize, attempts } = this.#options
    for (let start = 0; start < changes.length; ) {
      const batch = changes.slice(start, start + batchSize)
      let taken = await take(batch.map(({ row, name }) => this.#record(row, name)))
      const failed = batch[taken]
      if (failed !== undefined) {
        const failures = (this.#failures.get(failed.id) ?? 0) + 1
        this.#failures.set(failed.id, failures)
        if (failures >= attempts) taken++
      }
      for (const { id, row, name } of batch.slice(0, taken)) {
        this.#failures.delete(id)
        if (name === 'REMOVE') this.#known.delete(id)
        else this.#known.set(id, row)
      }
      if (taken < batch.length) return
      start += taken
    }
  }

  close(): void {
    this.#client.destroy()
  }

  async #rows(): Promise<Map<string, Row>> {
    const TableName = this.#options.tableName
    this.#keyNames ??= await this.#describeKeys(TableName)
    const rows = new Map<string, Row>()
    for await (const { Items = [] } of paginateScan(
      { client: this.#client },
      { TableName, ConsistentRead: true },
    ))
      for (const item of Items) {
        const keys = Object.fromEntries(
          this.#keyNames.flatMap(name => (item[name] === undefined ? [] : [[name, item[name]]])),
        )
        rows.set(JSON.stringify(keys), { keys, digest: digestOf(item) })
      }
    return rows
  }

  async #describeKeys(TableName: string): Promise<readonly string[]> {
    const { Table } = await this.#client.send(new DescribeTableCommand({ TableName }))
    return (Table?.KeySchema ?? []).flatMap(({ AttributeName }) => AttributeName ?? [])
  }

  #record({ keys }: Row, eventName: ChangeRecord['eventName']): ChangeRecord {
    const SequenceNumber = String(++this.#sequence)
    return {
      eventID: SequenceNumber,
      eventName,
      eventSource: 'aws:dynamodb',
      eventSourceARN: this.#options.streamArn,
      dynamodb: { Keys: keys, SequenceNumber, StreamViewType: 'KEYS_ONLY' },
    }
  }
}

/** With the attributes in one order: which the store gives them in may differ. */
function digestOf(item: Record<string, AttributeValue>): string {
  const inOrder = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return createHash('sha256').update(JSON.stringify(item, inOrder)).digest('hex')
}
