import { CreateTableCommand, DeleteItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { localCredentials } from '../../local/local-credentials.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { documentedCommands, paste } from './documented-commands.ts'
import { orders, type RegisteredClient, useLocalStack } from './local-stack.ts'
import { untilRefused } from './until-refused.ts'

const stack = useLocalStack()
const documented = documentedCommands('docs/operations.md')
const done = new Set<string>()

/** Pastes the blocks of a section, the given ones or all. */
async function follow(heading: string, variables: Record<string, string>, block?: number): Promise<string> {
  const blocks = documented.filter(each => each.heading === heading)
  const chosen = block === undefined ? blocks : blocks.slice(block, block + 1)
  const settings = { COUNTERSIGN_DATA_DIR: stack().dataDir, ...variables }
  let out = ''
  for (const { commands } of chosen) {
    done.add(commands)
    out += await paste(commands, settings)
  }
  return out
}

const ordersUrl = () => stack().url('orders', '/orders')
const statusOf = async (client: RegisteredClient) => (await stack().requestToken(client)).status
const call = (token: string) => stack().call('GET', ordersUrl(), token)

describe('docs/operations.md', () => {
  it.concurrent('First deployment: a client, a token, a call and a revocation', async () => {
    const created = await follow('First deployment', {}, 0)
    const [, CLIENT_ID = ''] = /^client_id +(\S+)$/m.exec(created) ?? []
    const [, CLIENT_SECRET = ''] = /^client_secret +(\S+)$/m.exec(created) ?? []
    const ORDERS_ENDPOINT = stack().url('orders', '')
    const out = await follow('First deployment', { CLIENT_ID, CLIENT_SECRET, ORDERS_ENDPOINT }, 1)
    expect(out).toContain(`"clientId":"${CLIENT_ID}"`)
    expect((await stack().admin('GET', `/clients/${CLIENT_ID}`)).status).toBe(404)
  })

  it.concurrent('Leaked client secret: the old one is refused at once, its tokens within the delay', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    expect(await call(token)).toBe(200)
    const out = await follow('Leaked client secret', { CLIENT_ID: client.client_id }, 0)
    const [, client_secret = ''] = /^client_secret +(\S+)$/m.exec(out) ?? []
    expect([await statusOf(client), await statusOf({ ...client, client_secret })]).toEqual([401, 200])
    expect(await untilRefused(stack(), ordersUrl(), token)).toBe(401)
  })

  it.concurrent('Leaked client secret: without a stop, both work for the overlap and older tokens end', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    const out = await follow('Leaked client secret', { CLIENT_ID: client.client_id }, 1)
    const [, client_secret = ''] = /^client_secret +(\S+)$/m.exec(out) ?? []
    expect([await statusOf(client), await statusOf({ ...client, client_secret })]).toEqual([200, 200])
    expect(await untilRefused(stack(), ordersUrl(), token)).toBe(401)
  })

  it.concurrent('KMS key disabled by mistake: the list names the key in KMS', async () => {
    const { keys } = JSON.parse(await follow('KMS key disabled by mistake', {}))
    expect(keys[0].kms_key_arn).toMatch(/^arn:aws:kms:/)
  })

  it.concurrent('Too many revocations: a short lifetime, and one row for all tokens of a client', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    await follow('Too many revocations', { CLIENT_ID: client.client_id })
    expect(await untilRefused(stack(), ordersUrl(), token)).toBe(401)
    expect(await (await stack().requestToken(client)).json()).toMatchObject({ expires_in: 60 })
  })

  // From here on, each concerns every client.
  it('Leaked signing key: its tokens are refused within the delay, another key signs', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    const KID = decodeProtectedHeader(token).kid ?? ''
    const out = await follow('Leaked signing key', { KID })
    expect(out).toMatch(new RegExp(`^${KID}\\b.*\\bactive\\b`, 'm'))
    expect(await untilRefused(stack(), ordersUrl(), token)).toBe(401)
    const kid = async () => decodeProtectedHeader(await stack().token(client)).kid
    await expect.poll(kid, { timeout: 10_000, interval: 200 }).not.toBe(KID)
  })

  it('Restore from backup: lost clients get tokens with their old secrets; what is there stays as it is', async () => {
    const { Clients: CLIENTS_TABLE = '' } = stack().endpoints.tables
    const store = storeClient(stack().endpoints.aws.dynamodb)
    const [lost, disabled, forgotten] = await Promise.all([1, 2, 3].map(() => stack().register()))
    if (!lost || !disabled || !forgotten) throw new Error('three clients were to be registered')
    const token = await stack().token(lost, { resource: orders })
    await store.send(
      new CreateTableCommand({
        TableName: `${CLIENTS_TABLE}-restored`,
        AttributeDefinitions: [{ AttributeName: 'client_id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'client_id', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    )
    const { Items = [] } = await store.send(new ScanCommand({ TableName: CLIENTS_TABLE }))
    for (const Item of Items)
      await store.send(new PutItemCommand({ TableName: `${CLIENTS_TABLE}-restored`, Item }))
    // After the restore point: two clients are disabled, and then two rows are lost.
    for (const { client_id } of [disabled, forgotten])
      await stack().admin('POST', `/clients/${client_id}/disable`)
    for (const { client_id } of [lost, forgotten]) {
      const Key = { client_id: { S: client_id } }
      await store.send(new DeleteItemCommand({ TableName: CLIENTS_TABLE, Key }))
    }
    store.destroy()
    expect(await statusOf(lost)).toBe(401)

    const aws = {
      DYNAMODB_ENDPOINT: stack().endpoints.aws.dynamodb,
      AWS_REGION: stack().endpoints.region,
      AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    }
    const out = await follow('Restore from backup', { CLIENTS_TABLE, ...aws }, 0)
    const restored = [lost, forgotten].map(({ client_id }) => `restored ${client_id}`)
    expect(out.trim().split('\n').slice(0, -1).sort()).toEqual(restored.sort())
    expect(out).toContain(`2 restored, ${Items.length - 2} there already`)
    // A restored row knows nothing of what came after: this is why the rest of the section is there.
    expect(await Promise.all([lost, disabled, forgotten].map(statusOf))).toEqual([200, 401, 200])

    await follow('Restore from backup', { DISABLED_CLIENT_ID: forgotten.client_id }, 1)
    expect(await Promise.all([lost, disabled, forgotten].map(statusOf))).toEqual([200, 401, 401])
    expect(await untilRefused(stack(), ordersUrl(), token)).toBe(401)

    const again = `node scripts/restore-rows.mjs --from ${CLIENTS_TABLE}-restored --to ${CLIENTS_TABLE}`
    const replaced = await paste(`${again} --replace ${disabled.client_id}`, aws)
    expect(replaced).toContain(`replaced ${disabled.client_id}\n`)
    expect(await statusOf(disabled)).toBe(200)
    await expect(paste(`${again} --replace nobody`, aws)).rejects.toThrow('-restored has no nobody')
  })

  it('Restore from backup: refuses signing keys and revocations, whose old rows would undo later ones', async () => {
    const { SigningKeys = '', Clients = '', Revocations = '' } = stack().endpoints.tables
    const aws = { DYNAMODB_ENDPOINT: stack().endpoints.aws.dynamodb, AWS_REGION: stack().endpoints.region }
    const keys = { AWS_ACCESS_KEY_ID: localCredentials.accessKeyId, AWS_SECRET_ACCESS_KEY: 'x' }
    for (const [from, to] of [
      [SigningKeys, SigningKeys],
      [Revocations, Revocations],
      [Clients, SigningKeys],
    ]) {
      const command = `node scripts/restore-rows.mjs --from ${from} --to ${to}`
      await expect(paste(command, { ...aws, ...keys })).rejects.toThrow(
        'must both be tables of clients or of resource servers',
      )
    }
  })

  // After all the others. A command that nobody has tried is a wish.
  it('has no command for which there is no test', () => {
    expect(documented.map(({ commands }) => commands).filter(commands => !done.has(commands))).toEqual([])
  })
})
