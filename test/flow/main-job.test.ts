import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { orders, payments, useLocalStack } from './local-stack.ts'
import { untilRefused } from './until-refused.ts'

const stack = useLocalStack()

/** The default of `maxRevocationDelay`, which the app is synthesised with. */
const maxRevocationDelayMilliseconds = 5000

describe('a machine client', () => {
  it('gets a token that an API lets in (RFC 6749 §4.4, RFC 6750 §2.1)', async () => {
    const client = await stack().register()
    const response = await stack().requestToken(client, { scope: 'orders:read' })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('pragma')).toBe('no-cache')
    const body = (await response.json()) as Record<string, unknown>
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]{86}$/),
      token_type: 'Bearer',
      expires_in: stack().accessTokenLifetimeSeconds,
      scope: 'orders:read',
    })
    const call = await fetch(stack().url('orders', '/orders/17'), {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    expect(call.status).toBe(200)
    expect(await call.json()).toMatchObject({
      route: 'GET /orders/{id}',
      pathParameters: { id: '17' },
      clientId: client.client_id,
      scope: 'orders:read',
      jti: expect.stringMatching(/^[\w-]{22}$/),
    })
  })

  it.each([
    ['GET', '/orders', 'orders:read', 200],
    ['GET', '/orders', 'orders:write', 403],
    ['POST', '/orders', 'orders:write', 200],
    ['POST', '/orders', 'orders:read', 403],
    ['DELETE', '/orders/1', 'orders:read', 403],
    ['DELETE', '/orders/1', 'orders:write', 403],
    ['DELETE', '/orders/1', 'orders:read orders:write', 200],
    ['PUT', '/orders', 'orders:read orders:write', 404],
  ])('%s %s with the scope %s is answered %3$i (RFC 6750 §3.1)', async (method, path, scope, status) => {
    const token = await stack().token(await stack().register(), { scope })
    expect(await stack().call(method, stack().url('orders', path), token)).toBe(status)
  })

  it.each([
    ['payments:read', 'GET', 200],
    ['payments:read', 'POST', 403],
    ['payments:write', 'POST', 200],
    ['payments:admin', 'POST', 200],
  ])('with the scope %s may %s /payments: %i (any one of two scopes)', async (scope, method, status) => {
    const grants = [{ resource: payments, scope: 'payments:read payments:write payments:admin' }]
    const token = await stack().token(await stack().register({ grants }), { scope })
    expect(await stack().call(method, stack().url('payments', '/payments'), token)).toBe(status)
  })

  it('is refused without a token, and on no other than the open route (RFC 6750 §3.1)', async () => {
    expect(await stack().call('GET', stack().url('orders', '/orders'))).toBe(401)
    expect(await stack().call('GET', stack().url('orders', '/health'))).toBe(200)
  })

  it('is refused at an API that its token was not issued for (RFC 9068 §4)', async () => {
    const grants = [
      { resource: orders, scope: 'orders:read' },
      { resource: payments, scope: 'payments:read' },
    ]
    const client = await stack().register({ grants })
    const token = await stack().token(client, { resource: orders })
    expect(await stack().call('GET', stack().url('orders', '/orders'), token)).toBe(200)
    expect(await stack().call('GET', stack().url('payments', '/payments'), token)).toBe(401)
  })

  it('is shut out within the promised delay when it revokes its token (RFC 7009 §2)', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    const other = await stack().token(client)
    const url = stack().url('orders', '/orders')
    expect(await stack().call('GET', url, token)).toBe(200)
    const revocation = await stack().revoke(client, token)
    expect([revocation.status, await revocation.text()]).toEqual([200, ''])
    expect(await untilRefused(stack(), url, token)).toBe(401)
    expect(await stack().call('GET', url, other)).toBe(200)
  })

  it('is shut out within the promised delay when it is disabled, and back at once when enabled', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    const url = stack().url('orders', '/orders')
    expect(await stack().call('GET', url, token)).toBe(200)
    expect(await stack().admin('POST', `/clients/${client.client_id}/disable`)).toMatchObject({
      status: 200,
      body: { status: 'disabled' },
    })
    const refused = await stack().requestToken(client)
    expect(refused.status).toBe(401)
    expect(await untilRefused(stack(), url, token)).toBe(401)
    await stack().admin('POST', `/clients/${client.client_id}/enable`)
    expect(await stack().call('GET', url, await stack().token(client))).toBe(200)
    expect(await stack().call('GET', url, token)).toBe(401)
  })

  it('cannot revoke the token of another: 400, and nothing is written (RFC 7009 §2.1)', async () => {
    const [owner, stranger] = [await stack().register(), await stack().register()]
    const token = await stack().token(owner)
    const response = await stack().revoke(stranger, token)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: 'unauthorized_client' })
    await delay(maxRevocationDelayMilliseconds + 200)
    expect(await stack().call('GET', stack().url('orders', '/orders'), token)).toBe(200)
  })

  it('leaves one audit event a decision, and no line of a log is anything but JSON', async () => {
    const client = await stack().register()
    const token = await stack().token(client)
    await stack().call('GET', stack().url('orders', '/orders'), token)
    const issued = (await stack().auditEvents('token.issue')).filter(
      event => event.clientId === client.client_id,
    )
    expect(issued).toHaveLength(1)
    expect(issued[0]).toMatchObject({
      audit: 'token.issue',
      outcome: 'allowed',
      reason: 'ok',
      requestId: expect.stringMatching(/.+/),
      sourceIp: '127.0.0.1',
      audience: orders,
      jti: expect.stringMatching(/^[\w-]{22}$/),
    })
    const authorized = (await stack().auditEvents('api.authorize')).filter(
      event => event.jti === issued[0]?.jti,
    )
    expect(authorized).toMatchObject([{ outcome: 'allowed', clientId: client.client_id, audience: orders }])
    const created = (await stack().auditEvents('client.create')).filter(
      event => event.clientId === client.client_id,
    )
    expect(created).toMatchObject([
      { outcome: 'allowed', actor: expect.stringMatching(/^arn:aws:iam::\d{12}:/) },
    ])
    const lines = JSON.stringify(await stack().logLines())
    expect(lines).not.toContain(client.client_secret)
    expect(lines).not.toContain(token)
  })
})
