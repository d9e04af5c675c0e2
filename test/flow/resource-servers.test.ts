import { setTimeout as delay } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { orders, payments, useLocalStack } from './local-stack.ts'

const stack = useLocalStack()
const idOf = (audience: string) => Buffer.from(audience).toString('base64url')
const audience = (name: string) => `https://${name}.example.com`

describe('resource servers', () => {
  it('are those that the app declares, with their scopes', async () => {
    const { body } = await stack().admin('GET', '/resource-servers')
    expect(body.resource_servers).toMatchObject([
      {
        audience: orders,
        managed_by: 'deployment',
        scopes: [{ scope: 'orders:read' }, { scope: 'orders:write' }],
      },
      { audience: payments, managed_by: 'deployment' },
    ])
    const change = { scopes: [{ scope: 'other' }], version: 1 }
    const update = await stack().admin('PUT', `/resource-servers/${idOf(orders)}`, change)
    expect([update.status, update.body.error]).toEqual([409, 'conflict'])
  })

  it('are registered, changed and removed by administration; a new scope counts at once', async () => {
    const resource = audience('stock')
    const created = await stack().admin('POST', '/resource-servers', {
      audience: resource,
      scopes: [{ scope: 'stock:read', description: 'Read stock' }],
      access_token_lifetime: 120,
    })
    expect([created.status, created.body]).toMatchObject([201, { audience: resource, version: 1 }])
    const client = await stack().register({ grants: [{ resource, scope: 'stock:read' }] })
    const { exp = 0, iat = 0 } = decodeJwt(await stack().token(client))
    expect(exp - iat).toBe(120)

    const path = `/resource-servers/${idOf(resource)}`
    const scopes = [{ scope: 'stock:read' }, { scope: 'stock:write' }]
    expect((await stack().admin('PUT', path, { scopes, version: 1 })).status).toBe(200)
    const writer = await stack().register({ grants: [{ resource, scope: 'stock:read stock:write' }] })
    expect(decodeJwt(await stack().token(writer)).scope).toBe('stock:read stock:write')

    const inUse = await stack().admin('DELETE', path)
    expect([inUse.status, inUse.body.error]).toEqual([409, 'in_use'])
    const narrowed = await stack().admin('PUT', path, { scopes: [{ scope: 'stock:read' }], version: 2 })
    expect([narrowed.status, narrowed.body.error]).toEqual([409, 'in_use'])
    expect(narrowed.body.error_description).toContain(writer.client_id)
    for (const { client_id } of [client, writer]) await stack().admin('DELETE', `/clients/${client_id}`)
    expect((await stack().admin('DELETE', path)).status).toBe(204)
    expect((await stack().admin('GET', path)).status).toBe(404)
  })

  it('are all that a grant may name, with their scopes', async () => {
    for (const grant of [
      { resource: audience('unknown'), scope: 'a' },
      { resource: orders, scope: 'orders:read orders:admin' },
    ]) {
      const answer = await stack().admin('POST', '/clients', { client_name: 'x', grants: [grant] })
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_client_metadata'])
    }
  })

  it('say where they are protected (RFC 9728 §3)', async () => {
    const response = await fetch(stack().url('orders', '/.well-known/oauth-protected-resource'))
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, '*'])
    expect(await response.json()).toEqual({
      resource: orders,
      authorization_servers: [stack().endpoints.issuer],
      scopes_supported: ['orders:read', 'orders:write'],
      bearer_methods_supported: ['header'],
    })
  })
})

describe('introspection (RFC 7662)', () => {
  const introspect = async (client: Parameters<ReturnType<typeof stack>['post']>[2], token: string) =>
    (await stack().post(stack().endpoints.introspectionEndpoint, { token }, client)).json()

  it('describes a token to its resource server and its client, and to nobody else', async () => {
    const client = await stack().register()
    const ordersApi = await stack().register({ grants: undefined, resource_server: orders })
    const paymentsApi = await stack().register({ grants: undefined, resource_server: payments })
    const stranger = await stack().register()
    const token = await stack().token(client, { scope: 'orders:read' })
    const { iat, exp, jti } = decodeJwt(token)
    const active = {
      active: true,
      token_type: 'Bearer',
      scope: 'orders:read',
      client_id: client.client_id,
      sub: client.client_id,
      aud: orders,
      iss: stack().endpoints.issuer,
      iat,
      exp,
      jti,
    }
    expect(await introspect(ordersApi, token)).toEqual(active)
    expect(await introspect(client, token)).toEqual(active)
    expect(await introspect(paymentsApi, token)).toEqual({ active: false })
    expect(await introspect(stranger, token)).toEqual({ active: false })
    const events = await stack().auditEvents('token.introspect')
    expect(events.map(({ reason }) => reason).sort()).toEqual([
      'ok',
      'ok',
      'token_of_other_audience',
      'token_of_other_audience',
    ])
  })

  it('knows a revocation the moment that it is acknowledged, and agrees with the authorizer in time', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    expect((await stack().revoke(client, token)).status).toBe(200)
    expect(await introspect(client, token)).toEqual({ active: false })
    await delay(5000)
    expect(await stack().call('GET', stack().url('orders', '/orders'), token)).toBe(401)
  })

  it('takes a disabled client’s tokens for revoked', async () => {
    const client = await stack().register()
    const ordersApi = await stack().register({ grants: undefined, resource_server: orders })
    const token = await stack().token(client)
    await stack().admin('POST', `/clients/${client.client_id}/disable`)
    expect(await introspect(ordersApi, token)).toEqual({ active: false })
  })
})
