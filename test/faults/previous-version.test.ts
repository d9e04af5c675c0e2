import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { beforeAll, describe, expect, it } from 'vitest'
import { digestSecret } from '../../lambda/oauth/client-secret.ts'
import { shardOf } from '../../lambda/oauth/revocation.ts'
import { ring } from '../lambda/support/bundled-function.ts'
import { clientSecret, ordersAudience } from '../lambda/support/client-item.ts'
import type { Attributes } from '../lambda/support/local-store.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../lambda/support/signing-key-pair.ts'
import { useKillableFunctions } from './support/killable-functions.ts'

const functions = useKillableFunctions()
const secretId = '0123456789abcdef'
const now = Math.floor(Date.now() / 1000)

/** The row of a client exactly as the first version wrote it: written out here, so that no change of ours changes it. */
const firstClient = (clientId: string): Attributes => ({
  client_id: { S: clientId },
  client_name: { S: 'From the first version' },
  token_endpoint_auth_method: { S: 'client_secret_basic' },
  grants: { L: [{ M: { resource: { S: ordersAudience }, scope: { S: 'orders:read' } } }] },
  status: { S: 'active' },
  version: { N: '1' },
  write_id: { S: '8c8f5c60-0a39-4a70-9c34-4d1de0a3f9c1' },
  created_at: { N: '1700000000' },
  updated_at: { N: '1700000000' },
  tokens_revoked_up_to: { N: '0' },
  secrets: { L: [{ M: { secret_id: { S: secretId }, created_at: { N: '1700000000' } } }] },
  secret_digests: { M: { [secretId]: { B: digestSecret(clientSecret) } } },
})

const at = (clientId: string) => ({ parameters: { client_id: clientId } })

describe('a client of the first version', () => {
  it('F40: gets tokens, is shown, disabled, enabled and given a secret', async () => {
    const { store } = functions()
    await store.put('Clients', firstClient('first'))
    const token = await functions().token('first')
    expect(await functions().authorize(token)).toBe('ok')
    const shown = await functions().administer('GET /admin/clients/{client_id}', at('first'))
    expect(shown).toMatchObject({ status: 200, body: { client_id: 'first', version: 1 } })
    const steps = ['disable', 'enable', 'secrets'].map(step => `POST /admin/clients/{client_id}/${step}`)
    for (const routeKey of steps) {
      const { status } = await functions().administer(routeKey, at('first'))
      expect([200, 201]).toContain(status)
    }
    expect(await functions().authorize(token)).toBe('token_revoked')
    expect(await functions().authorize(await functions().token('first'))).toBe('ok')
  })

  it('F40: that says nothing of what is revoked has nothing revoked', async () => {
    const { tokens_revoked_up_to: _, ...row } = firstClient('without-moment')
    await functions().store.put('Clients', row as Attributes)
    expect(await functions().authorize(await functions().token('without-moment'))).toBe('ok')
  })

  it('F40: at a resource server of which nothing is registered yet gets tokens as soon as it is', async () => {
    const audience = 'https://archive.example.com'
    const grants = { L: [{ M: { resource: { S: audience }, scope: { S: 'archive:read' } } }] }
    await functions().store.put('Clients', { ...firstClient('archive'), grants })
    expect(await functions().requestToken('archive')).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
      reason: 'resource_not_registered',
    })
    const body = JSON.stringify({ audience, scopes: [{ scope: 'archive:read' }] })
    const registered = await functions().administer('POST /admin/resource-servers', { body })
    expect([registered.status, registered.body]).toEqual([201, expect.objectContaining({ audience })])
    // By another function than the one that may remember that there was none.
    const fresh = await functions().start('token')
    expect((await functions().requestToken('archive', undefined, fresh)).status).toBe(200)
    await fresh.stop()
  })
})

describe('a row of a later version', () => {
  it('F40: is read for what is known of it, and keeps the rest when it is changed', async () => {
    const later = { pushed_to: { S: 'https://later.example.com' }, quotas: { M: { tokens: { N: '5' } } } }
    await functions().store.put('Clients', { ...firstClient('later'), ...later })
    const token = await functions().token('later')
    const disabled = await functions().administer('POST /admin/clients/{client_id}/disable', at('later'))
    expect(disabled.status).toBe(200)
    expect(await functions().store.get('Clients', { client_id: { S: 'later' } })).toMatchObject(later)
    expect(await functions().authorize(token)).toBe('token_revoked')
  })
})

describe('two versions that run beside each other', () => {
  beforeAll(() => functions().store.put('Clients', firstClient('both')))

  it('F40: change a client one after the other: the one that read an older version is told so', async () => {
    const older = async (version: number) => {
      const update = new UpdateItemCommand({
        TableName: 'Clients',
        Key: { client_id: { S: 'both' } },
        UpdateExpression: 'SET client_name = :name, version = :next, write_id = :id',
        ConditionExpression: 'version = :previous OR write_id = :id',
        ExpressionAttributeValues: {
          ':name': { S: 'By the older version' },
          ':next': { N: String(version + 1) },
          ':previous': { N: String(version) },
          ':id': { S: `write-of-${version}` },
        },
      })
      return functions()
        .store.client.send(update)
        .then(
          () => 'done',
          (error: Error) => error.name,
        )
    }
    expect((await functions().administer('POST /admin/clients/{client_id}/disable', at('both'))).status).toBe(
      200,
    )
    expect(await older(1)).toBe('ConditionalCheckFailedException')
    expect(await older(2)).toBe('done')
    const enabled = await functions().administer('POST /admin/clients/{client_id}/enable', at('both'))
    expect(enabled).toMatchObject({ status: 200, body: { version: 4, client_name: 'By the older version' } })
  })
})

describe('a signing key of the first version', () => {
  const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })

  it('F40: is trusted, and so are the tokens that it signed', async () => {
    const { store } = functions()
    // The row as it was: neither a wrapped private key nor an end.
    await store.put('SigningKeys', {
      ring: { S: ring },
      kid: { S: pair.key.kid },
      algorithm: { S: 'ES256' },
      public_jwk: { S: JSON.stringify(pair.key.publicJwk) },
      kms_key_arn: { S: pair.key.kmsKeyArn },
      state: { S: 'retiring' },
      created_at: { N: '1' },
      sign_from: { N: '1' },
    })
    const token = accessToken(pair, tokenClaims(now, { jti: 'first-version' }))
    expect(await functions().authorizeAfresh(token)).toBe('ok')
    // And its revocation, as the first version wrote it.
    const subject = 'jti#first-version'
    await store.put('Revocations', {
      shard: { S: shardOf(subject, 4) },
      subject: { S: subject },
      revoked_at: { N: String(now * 1000) },
      expires_at: { N: String(now + 680) },
    })
    expect(await functions().authorizeAfresh(token)).toBe('token_revoked')
  })
})
