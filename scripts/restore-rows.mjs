// `node scripts/restore-rows.mjs --from <restored table> --to <table>`: puts rows of a table that was restored from a
// backup back into the table of the stack. A row that is there stays as it is, unless it is named: --replace <key>.
import { parseArgs } from 'node:util'
import {
  ConditionalCheckFailedException,
  DescribeTableCommand,
  DynamoDBClient,
  PutItemCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb'

/** The tables whose rows mean the same after a restore: clients and resource servers, by their partition keys. */
const restorable = ['client_id', 'audience']

const { from, to, replace, ...regions } = readArguments()
const endpoint = process.env.DYNAMODB_ENDPOINT
const source = new DynamoDBClient({ endpoint, region: regions['from-region'] })
const target = new DynamoDBClient({ endpoint, region: regions['to-region'] })
try {
  await restoreRows()
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}

async function restoreRows() {
  const key = await keyOf(target, to)
  if (!restorable.includes(key) || (await keyOf(source, from)) !== key)
    throw new Error(
      `${from} and ${to} must both be tables of clients or of resource servers: restored signing keys and revocations would undo later ones (docs/operations.md)`,
    )
  const count = { restored: 0, kept: 0 }
  const left = new Set(replace)
  for await (const { Items = [] } of paginateScan(
    { client: source },
    { TableName: from, ConsistentRead: true },
  )) {
    for (const item of Items) {
      const name = item[key].S
      const isNamed = left.delete(name)
      const done = await put(item, isNamed ? undefined : `attribute_not_exists(${key})`)
      count[done ? 'restored' : 'kept']++
      if (done) console.log(`${isNamed ? 'replaced' : 'restored'} ${name}`)
    }
  }
  console.log(`${count.restored} restored, ${count.kept} there already`)
  if (left.size > 0) throw new Error(`${from} has no ${[...left].join(', ')}`)
}

/** Whether it was put: with a condition, only where there is no such row. */
async function put(item, condition) {
  try {
    await target.send(new PutItemCommand({ TableName: to, Item: item, ConditionExpression: condition }))
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}

async function keyOf(client, TableName) {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }))
  return Table.KeySchema.find(({ KeyType }) => KeyType === 'HASH').AttributeName
}

function readArguments() {
  const text = { type: 'string' }
  const options = {
    from: text,
    to: text,
    'from-region': text,
    'to-region': text,
    replace: { ...text, multiple: true, default: [] },
  }
  try {
    const { values } = parseArgs({ options })
    if (values.from === undefined || values.to === undefined)
      throw new Error('--from and --to must name tables')
    return values
  } catch (error) {
    fail(error.message)
    process.exit(2)
  }
}

function fail(message) {
  console.error(`restore-rows: ${message}`)
  process.exitCode = 1
}
