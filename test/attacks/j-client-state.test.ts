import { describe, expect, it } from 'vitest'
import { orders, type RegisteredClient } from '../flow/local-stack.ts'
import { untilRefused } from '../flow/until-refused.ts'
import { type Answer, useAttackedStack } from './support/attacked-stack.ts'
import { rawApiRequest } from './support/raw-api-request.ts'

const attacked = useAttackedStack()

async function newClient(): Promise<RegisteredClient> {
  const client = await attacked().stack.register()
  attacked().keepSecret(client.client_secret)
  return client
}

async function newToken(of: RegisteredClient): Promise<string> {
  const token = await attacked().stack.token(of, { resource: orders })
  attacked().keepSecret(token)
  return token
}

const call = (line: string, token: string): Promise<Answer> =>
  rawApiRequest(attacked().stack, { line, fields: [`Authorization: Bearer ${token}`] })

async function expectAllowed(token: string): Promise<void> {
  const answer = await attacked().allowed('api.authorize', () => call('GET /orders', token))
  expect([answer.status, answer.event.reason]).toEqual([200, 'ok'])
}

describe('a token that lives, of a client that does not', () => {
  it('J20: is refused within maxRevocationDelay, and nobody else’s is', async () => {
    const { stack } = attacked()
    const url = stack.url('orders', '/orders')
    const endings: ((path: string) => Promise<{ status: number }>)[] = [
      path => stack.admin('POST', `${path}/disable`),
      path => stack.admin('DELETE', path),
      path => stack.admin('POST', `${path}/revoke-tokens`),
    ]
    const ended: string[] = []
    const bystander = await newToken(await newClient())
    for (const end of endings) {
      const owner = await newClient()
      const text = await newToken(owner)
      expect(await stack.call('GET', url, text)).toBe(200)
      expect((await end(`/clients/${owner.client_id}`)).status).toBeLessThan(300)
      ended.push(text)
    }
    const statuses = await Promise.all(ended.map(text => untilRefused(stack, url, text)))
    expect(statuses).toEqual([401, 401, 401])
    for (const text of ended) {
      for (const line of ['GET /orders', 'GET /orders/1', 'POST /orders', 'DELETE /orders/1']) {
        const answer = await attacked().refused('api.authorize', () => call(line, text))
        expect([answer.status, answer.body]).toEqual([401, '{"message":"Unauthorized"}'])
        expect(answer.event.reason).toBe('token_revoked')
      }
    }
    await expectAllowed(bystander)
  })

  it('J20: stays refused when the client is enabled again, whose next token passes', async () => {
    const { stack } = attacked()
    const url = stack.url('orders', '/orders')
    const owner = await newClient()
    const before = await newToken(owner)
    await stack.admin('POST', `/clients/${owner.client_id}/disable`)
    expect(await untilRefused(stack, url, before)).toBe(401)
    await stack.admin('POST', `/clients/${owner.client_id}/enable`)
    await expectAllowed(await newToken(owner))
    const answer = await attacked().refused('api.authorize', () => call('GET /orders', before))
    expect([answer.status, answer.event.reason]).toEqual([401, 'token_revoked'])
  })
})
