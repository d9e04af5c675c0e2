import { ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { publicationLeadSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { localCredentials } from '../../local/local-credentials.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { type Json, type LocalStack, orders, useLocalStack } from './local-stack.ts'
import { synthesisedServer } from './synthesised-server.ts'
import { untilRefused } from './until-refused.ts'

interface Key {
  readonly kid: string
  readonly alg: string
  readonly state: string
  readonly custody: string
  readonly kms_key_arn: string
}

const keysOf = async (stack: LocalStack) => (await stack.admin('GET', '/keys')).body.keys as Key[]
const kidOf = (token: string) => decodeProtectedHeader(token).kid
const kmsOf = ({ endpoints: { aws, region } }: LocalStack) =>
  new KMSClient({ endpoint: aws.kms, region, credentials: localCredentials })

/** As if the standby keys had been published long ago. */
async function publishLongAgo(stack: LocalStack): Promise<void> {
  const { aws, tables } = stack.endpoints
  const client = storeClient(aws.dynamodb)
  const { Items = [] } = await client.send(new ScanCommand({ TableName: tables.SigningKeys }))
  for (const { ring, kid, state } of Items) {
    if (state?.S !== 'standby' || !ring || !kid) continue
    await client.send(
      new UpdateItemCommand({
        TableName: tables.SigningKeys,
        Key: { ring, kid },
        UpdateExpression: 'SET created_at = created_at - :lead',
        ExpressionAttributeValues: { ':lead': { N: String(publicationLeadSeconds) } },
      }),
    )
  }
}

/** Until an authorizer accepts a token of a key that is new to it: it reads the ring once in ten seconds at most. */
async function expectAccepted(stack: LocalStack, token: string): Promise<void> {
  const call = () => stack.call('GET', stack.url('orders', '/orders'), token)
  await expect.poll(call, { timeout: 12_000, interval: 200 }).toBe(200)
}

/** A token by a key of this identifier: token functions take a change up within seconds. */
async function tokenBy(stack: LocalStack, kid: string | undefined): Promise<string> {
  const client = await stack.register()
  let token = ''
  const issue = async () => {
    token = await stack.token(client, { resource: orders })
    return kidOf(token)
  }
  await expect.poll(issue, { timeout: 10_000, interval: 200 }).toBe(kid)
  return token
}

// A key that is new to an authorizer may take it ten seconds.
vi.setConfig({ testTimeout: 60_000 })

describe('a ring of signing keys', () => {
  const stack = useLocalStack()
  const url = () => stack().url('orders', '/orders')

  it('has one key that signs and one that waits; both are published, with nothing private', async () => {
    const keys = await keysOf(stack())
    expect(keys.map(({ state, custody, alg }) => [state, custody, alg])).toEqual([
      ['active', 'kms', 'ES256'],
      ['standby', 'kms', 'ES256'],
    ])
    expect(JSON.stringify(keys)).not.toContain('"d"')
    const published = (await (await fetch(stack().endpoints.jwksUri)).json()) as { keys: Json[] }
    expect(published.keys.map(({ kid }) => kid).sort()).toEqual(keys.map(({ kid }) => kid).sort())
  })

  it('does not rotate to a key that verifiers may not know', async () => {
    const refused = await stack().admin('POST', '/keys/rotate')
    expect([refused.status, refused.body.error]).toEqual([409, 'conflict'])
    expect(refused.body.error_description).toMatch(/published for \d+ more seconds/)
  })

  it('rotates without refusing a token, has the next standby key at once, and records each step', async () => {
    const client = await stack().register()
    const before = await stack().token(client, { resource: orders })
    await publishLongAgo(stack())
    const rotated = await stack().admin('POST', '/keys/rotate')
    expect(rotated.status).toBe(200)
    const keys = rotated.body.keys as Key[]
    expect(keys.map(({ state }) => state).sort()).toEqual(['active', 'retiring', 'standby'])
    const next = keys.find(({ state }) => state === 'active')?.kid
    expect(next, JSON.stringify(keys)).not.toBe(kidOf(before))
    const after = await tokenBy(stack(), next)
    expect(kidOf(after)).toBe(next)
    for (const token of [before, after]) await expectAccepted(stack(), token)
    const events = (await stack().logLines()).filter(line => /^key\./.test(String(line.audit)))
    // The first two keys were made when the stack was deployed.
    expect(events.slice(-6).map(({ audit, outcome }) => `${audit} ${outcome}`)).toEqual([
      'key.list allowed',
      'key.rotate refused',
      'key.activate allowed',
      'key.retire allowed',
      'key.create allowed',
      'key.rotate allowed',
    ])
    expect(events.at(-1)?.actor).toMatch(/^arn:aws:/)
  })

  it('goes on with the standby key while KMS does not use the one that signs (F16), with an alarm', async () => {
    await publishLongAgo(stack())
    const keys = await keysOf(stack())
    const broken = keys.find(({ state }) => state === 'active')
    const spare = keys.find(({ state }) => state === 'standby')
    const kms = kmsOf(stack())
    await kms.send(new DisableKeyCommand({ KeyId: broken?.kms_key_arn }))
    await expectAccepted(stack(), await tokenBy(stack(), spare?.kid))
    const lines = await stack().logLines()
    expect(lines.find(line => line.SigningKeyUnusable === 1)).toMatchObject({
      level: 'ERROR',
      kid: broken?.kid,
    })
    await kms.send(new EnableKeyCommand({ KeyId: broken?.kms_key_arn }))
  })

  it('revokes a key: another signs, and every token of it is refused within the promised delay', async () => {
    const client = await stack().register()
    const token = await stack().token(client, { resource: orders })
    await expectAccepted(stack(), token)
    const revoked = await stack().admin('POST', `/keys/${kidOf(token)}/revoke`)
    expect(revoked.status).toBe(200)
    expect(await untilRefused(stack(), url(), token)).toBe(401)
    const states = Object.fromEntries((revoked.body.keys as Key[]).map(({ kid, state }) => [kid, state]))
    expect(states[String(kidOf(token))]).toBe('revoked')
    const next = Object.entries(states).find(([, state]) => state === 'active')?.[0]
    await expectAccepted(stack(), await tokenBy(stack(), next))
    // Again is as good as once.
    expect((await stack().admin('POST', `/keys/${kidOf(token)}/revoke`)).status).toBe(200)
    expect((await stack().admin('POST', '/keys/nobody/revoke')).status).toBe(404)
  })

  it('revokes everything: every token is refused within the delay, and new ones are good seconds later', async () => {
    const clients = [await stack().register(), await stack().register()]
    const tokens = await Promise.all(clients.map(client => stack().token(client, { resource: orders })))
    for (const token of tokens) await expectAccepted(stack(), token)
    const { status, body } = await stack().admin('POST', '/revoke-all')
    expect([status, Object.keys(body)]).toEqual([200, ['revoked_up_to']])
    for (const token of tokens) expect(await untilRefused(stack(), url(), token)).toBe(401)
    const [client] = clients
    await expect
      .poll(
        async () => stack().call('GET', url(), client && (await stack().token(client, { resource: orders }))),
        {
          timeout: 15_000,
          interval: 500,
        },
      )
      .toBe(200)
  })
})

describe.each([
  ['RS256', 'kms'],
  ['EdDSA', 'kms'],
  ['ES256', 'envelope'],
  ['PS256', 'envelope'],
] as const)('keys for %s in custody %s', (signingAlgorithm, signingKeyCustody) => {
  const stack = useLocalStack(() => synthesisedServer({ signingAlgorithm, signingKeyCustody }))

  it('sign tokens that the API, introspection and an independent library accept (RFC 9068 §4)', async () => {
    const client = await stack().register()
    const token = await stack().token(client, { resource: orders })
    const { issuer, jwksUri, introspectionEndpoint } = stack().endpoints
    const keys = createRemoteJWKSet(new URL(jwksUri))
    const { protectedHeader } = await jwtVerify(token, keys, { issuer, audience: orders, typ: 'at+jwt' })
    expect(protectedHeader.alg).toBe(signingAlgorithm)
    expect(await stack().call('GET', stack().url('orders', '/orders'), token)).toBe(200)
    const answer = await stack().post(introspectionEndpoint, { token }, client)
    expect(await answer.json()).toMatchObject({ active: true })
    const [key] = await keysOf(stack())
    expect([key?.alg, key?.custody]).toEqual([signingAlgorithm, signingKeyCustody])
  })

  it('refuse a token with a bit of its signature changed, and one by another key of the algorithm', async () => {
    const token = await stack().token(await stack().register(), { resource: orders })
    const end = token.lastIndexOf('.')
    const signature = Buffer.from(token.slice(end + 1), 'base64url')
    signature[20] = (signature[20] ?? 0) ^ 1
    const forged = `${token.slice(0, end)}.${signature.toString('base64url')}`
    expect(await stack().call('GET', stack().url('orders', '/orders'), forged)).toBe(401)
  })
})
