import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb'
import type { ClientDirectory } from '../oauth/api-key-keeper.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** All that is read of a client. */
const projection = {
  ProjectionExpression: 'client_id, #status',
  ExpressionAttributeNames: { '#status': 'status' },
}

/** The `Clients` table as a list of who there is. */
export class ClientDirectoryTable implements ClientDirectory {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#records = records
  }

  has: ClientDirectory['has'] = async clientId => {
    const Key = { client_id: { S: clientId } }
    const get = new GetItemCommand({ TableName: this.#tableName, Key, ConsistentRead: true, ...projection })
    const { Item } = await call('store', () => this.#client.send(get, deadline()), this.#records)
    return Item !== undefined && isPresent(Item)
  }

  all: ClientDirectory['all'] = async () => {
    const found = new Set<string>()
    let next: Record<string, AttributeValue> | undefined
    do {
      const scan = new ScanCommand({
        TableName: this.#tableName,
        ConsistentRead: true,
        Select: 'SPECIFIC_ATTRIBUTES',
        ...(next && { ExclusiveStartKey: next }),
        ...projection,
      })
      const page = await call('store', () => this.#client.send(scan, deadline()), this.#records)
      for (const item of page.Items ?? [])
        if (isPresent(item) && item.client_id?.S !== undefined) found.add(item.client_id.S)
      next = page.LastEvaluatedKey
    } while (next !== undefined)
    return found
  }
}

/** A disabled client keeps its key: none of its tokens gets that far. */
function isPresent({ status }: Record<string, AttributeValue>): boolean {
  return status?.S !== 'deleted'
}
