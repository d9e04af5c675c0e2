import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import {
  CreateApiKeyCommand,
  CreateUsagePlanKeyCommand,
  DeleteApiKeyCommand,
  GetApiKeysCommand,
  GetUsagePlanKeyCommand,
  GetUsagePlanKeysCommand,
  GetUsagePlansCommand,
} from '@aws-sdk/client-api-gateway'
import { describe, expect, it } from 'vitest'
import { startApiGateway } from '../../../local/api-gateway/server.ts'
import { apiGatewayClientFor, apiGatewayForTest, planOf } from './api-gateway-client.ts'

const value = 'a'.repeat(20)
const create = (changes = {}) => new CreateApiKeyCommand({ name: 'one', value, enabled: true, ...changes })
const attach = (keyId: string, usagePlanId: string) =>
  new CreateUsagePlanKeyCommand({ usagePlanId, keyId, keyType: 'API_KEY' })

describe('the stand-in for the management of API Gateway', () => {
  it('makes keys, lists them by name and page, and removes them', async () => {
    const { client } = await apiGatewayForTest()
    const { id } = await client.send(create())
    await client.send(create({ name: 'other', value: 'b'.repeat(128) }))
    const first = await client.send(new GetApiKeysCommand({ limit: 1 }))
    expect(first).toMatchObject({ items: [{ id, name: 'one', enabled: true }], position: '1' })
    expect(first.items?.[0]).not.toHaveProperty('value')
    const next = await client.send(new GetApiKeysCommand({ limit: 1, position: first.position }))
    expect([next.items?.map(({ name }) => name), next.position]).toEqual([['other'], undefined])
    await client.send(new DeleteApiKeyCommand({ apiKey: id }))
    const { items } = await client.send(new GetApiKeysCommand({ nameQuery: 'one' }))
    expect(items).toEqual([])
  })

  it('answers to loopback names alone: nothing to a name that was made to lead here', async () => {
    const { server } = await apiGatewayForTest()
    for (const [host, status] of [
      ['rebound.example', 403],
      ['localhost', 200],
    ] as const) {
      const sent = request(`${server.url}/apikeys`, { headers: { host } }).end()
      const [{ statusCode }] = (await once(sent, 'response')) as [IncomingMessage]
      expect([host, statusCode]).toEqual([host, status])
    }
  })

  it('refuses a value that another key has, and one that is none', async () => {
    const { client } = await apiGatewayForTest()
    await client.send(create())
    await expect(client.send(create({ name: 'two' }))).rejects.toMatchObject({
      name: 'ConflictException',
      $metadata: { httpStatusCode: 409 },
    })
    for (const wrong of ['a'.repeat(19), 'a'.repeat(129), `${'a'.repeat(20)}-`])
      await expect(client.send(create({ value: wrong }))).rejects.toMatchObject({
        name: 'BadRequestException',
      })
  })

  it('has the plans of the template, and puts keys into them, one for each stage', async () => {
    const { client, server } = await apiGatewayForTest()
    server.usagePlans.define(planOf('plan', { name: 'Plan' }))
    server.usagePlans.define(planOf('twin', { stages: planOf('plan').stages }))
    expect((await client.send(new GetUsagePlansCommand({}))).items).toEqual([
      { id: 'plan', name: 'Plan' },
      { id: 'twin', name: 'twin' },
    ])
    const { id = '' } = await client.send(create())
    const find = new GetUsagePlanKeyCommand({ usagePlanId: 'plan', keyId: id })
    await expect(client.send(find)).rejects.toMatchObject({ name: 'NotFoundException' })
    await client.send(attach(id, 'plan'))
    expect(await client.send(find)).toMatchObject({ id, name: 'one', type: 'API_KEY' })
    for (const plan of ['plan', 'twin'])
      await expect(client.send(attach(id, plan))).rejects.toMatchObject({ name: 'ConflictException' })
    const listed = await client.send(new GetUsagePlanKeysCommand({ usagePlanId: 'plan' }))
    expect(listed.items?.map(key => key.id)).toEqual([id])
  })

  it.each([
    ['a key', new DeleteApiKeyCommand({ apiKey: 'unknown' })],
    ['a plan', new GetUsagePlanKeysCommand({ usagePlanId: 'unknown' })],
    ['a plan for a key', attach('unknown', 'unknown')],
  ])('does not find %s that is not there', async (_, command) => {
    const { client } = await apiGatewayForTest()
    await expect(client.send(command as DeleteApiKeyCommand)).rejects.toMatchObject({
      name: 'NotFoundException',
    })
  })

  it('keeps keys and their plans over a restart', async () => {
    const { client, server, dataDir } = await apiGatewayForTest()
    server.usagePlans.define(planOf('plan'))
    const { id = '' } = await client.send(create())
    await client.send(attach(id, 'plan'))
    const again = await startApiGateway({ dataDir })
    again.usagePlans.define(planOf('plan'))
    expect(again.usagePlans.admit('api-of-plan', 'prod', value)).toMatchObject({ key: { id } })
    await again.close()
  })

  it('starts with no file that it cannot read, and names it', async () => {
    const { dataDir } = await apiGatewayForTest()
    const path = join(dataDir, 'apigateway', 'broken.json')
    await writeFile(path, '{')
    await expect(startApiGateway({ dataDir })).rejects.toThrow(
      new Error(`${path} cannot be read as an API key of the local API Gateway`),
    )
  })

  it('says what it does not know', async () => {
    const { server } = await apiGatewayForTest()
    const response = await fetch(`${server.url}/restapis`)
    expect([response.status, await response.json()]).toEqual([
      400,
      { message: 'The local API Gateway does not know GET /restapis.' },
    ])
    const client = apiGatewayClientFor(server.url)
    client.destroy()
  })
})
