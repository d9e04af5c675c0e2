import { beforeAll, describe, expect, inject, it } from 'vitest'
import { type Json, payments, type RegisteredClient, useLocalStack } from '../flow/local-stack.ts'
import { untilRefused } from '../flow/until-refused.ts'
import { deployUpdate } from './deployed-run.ts'

const stack = useLocalStack()
const url = (path: string) => stack().url('payments', path)
const granted = (scope: string) => ({ grants: [{ resource: payments, scope }] })
const withNewScope = granted('payments:read payments:audit')

async function publishedKeys(): Promise<Json[]> {
  const { keys } = (await (await fetch(stack().endpoints.jwksUri)).json()) as { keys: Json[] }
  return keys
}

describe('an update of a deployed app', () => {
  let client: RegisteredClient
  let disabled: RegisteredClient
  let tokens: { good: string; revoked: string; ofDisabled: string }
  let before: { client: unknown; keys: unknown; published: Json[]; refused: unknown; history: number }
  let outputs: Readonly<Record<string, string>>

  beforeAll(async () => {
    client = await stack().register(granted('payments:read'))
    disabled = await stack().register(granted('payments:read'))
    const [good, revoked] = [await stack().token(client), await stack().token(client)]
    tokens = { good, revoked, ofDisabled: await stack().token(disabled) }
    await stack().revoke(client, revoked)
    await stack().admin('POST', `/clients/${disabled.client_id}/disable`)
    before = {
      client: await stack().admin('GET', `/clients/${client.client_id}`),
      keys: (await stack().admin('GET', '/keys')).body,
      published: await publishedKeys(),
      refused: await stack().admin('POST', '/clients', { client_name: 'too early', ...withNewScope }),
      history: await stack().call('GET', url('/payments/1/history'), good),
    }
    outputs = await deployUpdate()
  }, 240_000)

  it('keeps every endpoint and table', () => {
    expect(outputs).toEqual(inject('deployment')?.outputs)
  })

  it('keeps clients and their secrets', async () => {
    expect(await stack().admin('GET', `/clients/${client.client_id}`)).toEqual(before.client)
    expect((await stack().requestToken(client)).status).toBe(200)
    expect((await stack().requestToken(disabled)).status).toBe(401)
  })

  it('keeps the signing keys, so that tokens of before are let in', async () => {
    expect((await stack().admin('GET', '/keys')).body).toEqual(before.keys)
    expect(await publishedKeys()).toEqual(before.published)
    expect(await stack().call('GET', url('/payments'), tokens.good)).toBe(200)
  })

  it('keeps revocations', async () => {
    expect(await untilRefused(stack(), url('/payments'), tokens.revoked)).toBe(401)
    expect(await untilRefused(stack(), url('/payments'), tokens.ofDisabled)).toBe(401)
  })

  it('gives tokens the new lifetime', async () => {
    expect(await (await stack().requestToken(client)).json()).toMatchObject({ expires_in: 900 })
  })

  it('adds a route, which needs the scope that was added with it', async () => {
    expect(before.history).toBe(404)
    expect(before.refused).toMatchObject({ status: 400, body: { error: 'invalid_client_metadata' } })
    const reader = await stack().register(withNewScope)
    const [enough, tooLittle] = [await stack().token(reader), await stack().token(client)]
    expect(await stack().call('GET', url('/payments/1/history'), enough)).toBe(200)
    expect(await stack().call('GET', url('/payments/1/history'), tooLittle)).toBe(403)
    expect(await stack().call('GET', url('/payments'), enough)).toBe(200)
  })
})
