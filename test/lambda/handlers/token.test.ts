import { createPublicKey } from 'node:crypto'
import { CreateKeyCommand, GetPublicKeyCommand } from '@aws-sdk/client-kms'
import { createLocalJWKSet, exportJWK, jwtVerify } from 'jose'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { functionEnvironment, ring, startFunction } from '../support/bundled-function.ts'
import {
  clientItem,
  clientSecret,
  issuer,
  ordersAudience,
  ordersServerItem,
  secretId,
} from '../support/client-item.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { basic, httpEvent, requestId } from '../support/http-event.ts'
import { startLocalKms } from '../support/local-kms.ts'
import { startLocalStore } from '../support/local-store.ts'
import { signingKeyItem, signingKeyPair } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const kms = await startLocalKms()
const storeProxy = await startFaultServer(store.url)
const kmsProxy = await startFaultServer(kms.url)

const tenDaysAgo = Math.floor(Date.now() / 1000) - 10 * 86_400

/** A key made in KMS and put into the ring, as the keeper does. */
async function makeSigningKey() {
  const created = await kms.client.send(
    new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
  )
  const kmsKeyArn = created.KeyMetadata?.Arn ?? ''
  const { PublicKey = [] } = await kms.client.send(new GetPublicKeyCommand({ KeyId: kmsKeyArn }))
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
  const { x = '', y = '' } = await exportJWK(publicKey)
  const { key } = signingKeyPair({ kmsKeyArn, signFrom: tenDaysAgo, createdAt: tenDaysAgo })
  const publicJwk = { ...key.publicJwk, x, y }
  await store.put('SigningKeys', signingKeyItem(ring, { ...key, publicJwk }))
  return publicJwk
}

const jwk = await makeSigningKey()
await store.put('ResourceServers', ordersServerItem)
await store.put('Clients', clientItem('nightly-export'))
await store.put('Clients', clientItem('poisoned', { secret_digests: { S: 'x' } }))
const environment = {
  ...functionEnvironment({ dynamodb: storeProxy.url, kms: kmsProxy.url }),
  ACCESS_TOKEN_LIFETIME_SECONDS: '600',
}
const token = await startFunction('token', environment)
const onLoad = [...storeProxy.operations]

afterAll(() => Promise.all([token.stop(), storeProxy.close(), kmsProxy.close(), store.close(), kms.close()]))
beforeEach(() => {
  storeProxy.reset()
  kmsProxy.reset()
})

const request = (clientId: string, secret: string, body = 'grant_type=client_credentials') =>
  httpEvent({ routeKey: 'ANY /token', headers: basic(clientId, secret), body })

interface Answer {
  statusCode: number
  headers: Record<string, string>
  body: string
}

async function ask(clientId: string, secret: string, body?: string) {
  const { result, lines, texts } = await token.invoke(request(clientId, secret, body))
  const { statusCode, headers, body: text } = result as Answer
  return { statusCode, headers, document: JSON.parse(text) as Record<string, string>, lines, texts }
}

describe('the token function', () => {
  it('reads the ring while it is loaded, and fetches nothing', () => {
    const { result, fetches } = token.start
    expect([result, fetches, onLoad]).toEqual(['function', [], ['Query']])
  })

  it('issues a token that an independent library verifies (RFC 9068 §4)', async () => {
    const { statusCode, headers, document } = await ask('nightly-export', clientSecret)
    expect([statusCode, headers['cache-control']]).toEqual([200, 'no-store'])
    const { access_token, ...members } = document
    expect(members).toEqual({ token_type: 'Bearer', expires_in: 600, scope: 'orders:read orders:write' })
    const keys = createLocalJWKSet({ keys: [{ ...jwk }] })
    const options = { issuer, audience: ordersAudience, typ: 'at+jwt', algorithms: ['ES256'] }
    const { payload, protectedHeader } = await jwtVerify(String(access_token), keys, options)
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: jwk.kid })
    const { jti, iat = 0, exp = 0, ...claims } = payload
    expect(claims).toEqual({
      iss: issuer,
      sub: 'nightly-export',
      client_id: 'nightly-export',
      aud: ordersAudience,
      scope: 'orders:read orders:write',
    })
    expect([exp - iat, String(jti).length]).toEqual([600, 22])
  })

  it('needs one read and one signature for a token, and no write after the first of a day', async () => {
    await ask('nightly-export', clientSecret)
    storeProxy.reset()
    kmsProxy.reset()
    await ask('nightly-export', clientSecret)
    expect([storeProxy.operations, kmsProxy.operations]).toEqual([['BatchGetItem'], ['Sign']])
  })

  it('records whom it gave what, and neither the token nor the secret', async () => {
    const { document, lines, texts } = await ask(
      'nightly-export',
      clientSecret,
      'grant_type=client_credentials&scope=orders:read',
    )
    expect(lines).toMatchObject([
      {
        audit: 'token.issue',
        outcome: 'allowed',
        reason: 'ok',
        requestId,
        sourceIp: '192.0.2.7',
        clientId: 'nightly-export',
        audience: ordersAudience,
        scope: 'orders:read',
        TokensIssued: 1,
      },
    ])
    const signature = String(document.access_token).split('.')[2] ?? ''
    for (const secret of [
      signature,
      clientSecret,
      basic('nightly-export', clientSecret).authorization ?? '',
    ]) {
      expect(texts.join('')).not.toContain(secret)
    }
  })

  it('gives an unknown, a malformed and a mistaken client one answer (RFC 6749 §5.2)', async () => {
    const answers = [
      await ask('nobody', clientSecret),
      await ask('poisoned', clientSecret),
      await ask('nightly-export', `${clientSecret}x`),
    ]
    const [first] = answers
    expect([first?.statusCode, first?.document.error]).toEqual([401, 'invalid_client'])
    for (const { statusCode, headers, document } of answers) {
      expect({ statusCode, headers, document }).toEqual({
        statusCode: first?.statusCode,
        headers: first?.headers,
        document: first?.document,
      })
    }
  })

  it('answers 503 while the store is away, and the next request is served', async () => {
    storeProxy.always('reset')
    const { statusCode, headers, document } = await ask('nightly-export', clientSecret)
    expect([statusCode, headers['retry-after'], document.error]).toEqual([
      503,
      '1',
      'temporarily_unavailable',
    ])
    storeProxy.reset()
    expect((await ask('nightly-export', clientSecret)).statusCode).toBe(200)
  })

  it('answers 503 when KMS cannot sign, and 500 when it signs wrongly, never with a token', async () => {
    kmsProxy.next({ status: 400, type: 'DisabledException' })
    expect(await ask('nightly-export', clientSecret)).toMatchObject({
      statusCode: 503,
      document: { error: 'temporarily_unavailable' },
    })
    const wrong = Buffer.from('3006020101020101', 'hex').toString('base64')
    kmsProxy.next({ answer: answer => ({ ...answer, Signature: wrong }) })
    const { statusCode, document, lines } = await ask('nightly-export', clientSecret)
    expect([statusCode, document]).toEqual([
      500,
      { error: 'server_error', error_description: 'the request could not be completed' },
    ])
    expect(lines).toMatchObject([
      { SignatureSelfCheckFailed: 1 },
      { outcome: 'failed', reason: 'signature_invalid' },
    ])
  })

  it('reports no failed store call when another environment noted the secret’s use first', async () => {
    const other = await startFunction('token', environment)
    storeProxy.reset()
    const { result, lines } = await other.invoke(request('nightly-export', clientSecret))
    await other.stop()
    expect((result as Answer).statusCode).toBe(200)
    expect(storeProxy.operations).toEqual(['BatchGetItem', 'GetItem', 'PutItem'])
    expect(await store.get('SingleUse', { id: { S: `secret-use#nightly-export#${secretId}` } })).toBeDefined()
    expect(lines.map(line => line.audit ?? line.message)).toEqual(['token.issue'])
  })
})
