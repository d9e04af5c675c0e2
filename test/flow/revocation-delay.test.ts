import { Duration } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { useLocalStack } from './local-stack.ts'
import { synthesisedServer } from './synthesised-server.ts'

describe('with a maxRevocationDelay of 0', () => {
  const stack = useLocalStack(() => synthesisedServer({ maxRevocationDelay: Duration.seconds(0) }))

  it('refuses the first request after the revocation of a token', async () => {
    const client = await stack().register()
    const url = stack().url('orders', '/orders')
    for (let round = 0; round < 20; round++) {
      const token = await stack().token(client)
      expect(await stack().call('GET', url, token)).toBe(200)
      expect((await stack().revoke(client, token)).status).toBe(200)
      expect(await stack().call('GET', url, token)).toBe(401)
    }
  })

  it('refuses the first request after the client was disabled, and lets it in as soon as it is enabled', async () => {
    const client = await stack().register()
    const url = stack().url('orders', '/orders')
    for (let round = 0; round < 3; round++) {
      const token = await stack().token(client)
      expect(await stack().call('GET', url, token)).toBe(200)
      await stack().admin('POST', `/clients/${client.client_id}/disable`)
      expect(await stack().call('GET', url, token)).toBe(401)
      await stack().admin('POST', `/clients/${client.client_id}/enable`)
    }
  })

  it('refuses every token that a client had when its tokens are revoked, and none that it gets then', async () => {
    const client = await stack().register()
    const url = stack().url('orders', '/orders')
    const before = await Promise.all(Array.from({ length: 5 }, () => stack().token(client)))
    expect(await stack().admin('POST', `/clients/${client.client_id}/revoke-tokens`)).toMatchObject({
      status: 200,
    })
    const after = await stack().token(client)
    for (const token of before) expect(await stack().call('GET', url, token)).toBe(401)
    expect(await stack().call('GET', url, after)).toBe(200)
  })
})

describe('with a decision cache', () => {
  const stack = useLocalStack(() =>
    synthesisedServer({ maxRevocationDelay: Duration.seconds(5), decisionCacheTtl: Duration.seconds(4) }),
  )

  it('never lets a token that is allowed on one route pass on another by the cached decision', async () => {
    const token = await stack().token(await stack().register(), { scope: 'orders:read' })
    expect(await stack().call('GET', stack().url('orders', '/orders/1'), token)).toBe(200)
    expect(await stack().call('DELETE', stack().url('orders', '/orders/1'), token)).toBe(403)
    expect(await stack().call('POST', stack().url('orders', '/orders'), token)).toBe(403)
    expect(await stack().call('GET', stack().url('orders', '/orders/2'), token)).toBe(200)
    const decisions = (await stack().auditEvents('api.authorize')).map(({ outcome }) => outcome)
    expect(decisions).toEqual(['allowed', 'refused', 'refused'])
  })
})
