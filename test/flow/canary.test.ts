import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { storeClient } from '../lambda/support/local-store.ts'
import { findSecrets } from '../support/canary.ts'
import { basic, useLocalStack } from './local-stack.ts'

const stack = useLocalStack()

// Each test on a whole stack ends with this search, and each test of a bundled function with one of what it printed:
// here is what the search finds, so that it is known to find it.
describe('the search for secrets that ends every test on a whole stack', () => {
  it('finds nothing after registrations, tokens, assertions and refusals, in all that they left', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    await stack().call('GET', stack().url('orders', '/orders'), token)
    await stack().call('GET', stack().url('payments', '/payments'), token)
    await stack().requestToken({ ...client, client_secret: `${client.client_secret}x` })
    await stack().post(stack().endpoints.introspectionEndpoint, { token }, client)
    await stack().revoke(client, token)
    const marked = [client.client_secret, token, token.split('.')[2] ?? '', basic(client)]
    const { searched } = await stack().searchForSecrets(marked)
    expect(searched).toBeGreaterThan(20)
  })

  it.each<[string, (secret: string, token: string) => string]>([
    ['a secret', secret => secret],
    ['a token', (_, token) => token],
    ['an Authorization header', secret => Buffer.from(`client:${secret}`).toString('base64')],
    ['the same a place further', secret => Buffer.from(`client1:${secret}`).toString('base64')],
    ['and another', secret => Buffer.from(`client12:${secret}`).toString('base64')],
    ['a private key', () => JSON.stringify({ kty: 'EC', d: 'AAAA' })],
  ])('finds %s', async (_, plant) => {
    const client = await stack().register()
    expect(findSecrets(plant(client.client_secret, await stack().token(client)))).not.toEqual([])
  })

  it('looks through the logs and the tables', async () => {
    const planted = `ctsn_${'x'.repeat(49)}`
    const id = { S: `canary#${planted}` }
    const client = storeClient(stack().endpoints.aws.dynamodb)
    const TableName = stack().endpoints.tables.SingleUse
    await client.send(new PutItemCommand({ TableName, Item: { id } }))
    await expect(stack().searchForSecrets()).rejects.toThrow('a client secret is in the table SingleUse')
    await client.send(new DeleteItemCommand({ TableName, Key: { id } }))
    await expect(stack().searchForSecrets()).resolves.toMatchObject({})
    client.destroy()

    const log = join(stack().dataDir, 'logs', 'canary.log')
    await appendFile(log, `${JSON.stringify({ message: planted })}\n`)
    await expect(stack().searchForSecrets()).rejects.toThrow('a client secret is in the log canary.log')
    await rm(log)
  })
})
