import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Duration } from 'aws-cdk-lib'
import { afterAll, describe, expect, it } from 'vitest'
import cdk from '../../cdk.json' with { type: 'json' }
import type { AuthorizationServerProps } from '../../lib/authorization-server-props.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { useLocalStack } from './local-stack.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** The app with settings of the server other than the defaults, synthesised. */
function synthesise(authorizationServer: AuthorizationServerProps): string {
  process.env.CDK_VALIDATION = 'false'
  const outdir = mkdtempSync(join(tmpdir(), 'countersign-assembly-'))
  folders.push(outdir)
  const metadata = { 'aws:cdk:enable-path-metadata': true, 'aws:cdk:enable-asset-metadata': true }
  const app = new App({ outdir, context: { ...cdk.context, ...metadata } })
  new CountersignStack(app, 'Countersign', { authorizationServer })
  return app.synth().directory
}

describe('with a maxRevocationDelay of 0', () => {
  const stack = useLocalStack(() => synthesise({ maxRevocationDelay: Duration.seconds(0) }))

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
    synthesise({ maxRevocationDelay: Duration.seconds(5), decisionCacheTtl: Duration.seconds(4) }),
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
