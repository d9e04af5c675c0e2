import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { shardOf } from '../../../lambda/oauth/revocation.ts'
import { functionEnvironment, ring, startFunction } from '../support/bundled-function.ts'
import { clientItem, clientSecret } from '../support/client-item.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { basic, httpEvent } from '../support/http-event.ts'
import { startLocalStore } from '../support/local-store.ts'
import { accessToken, signingKeyItem, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
await store.put('SigningKeys', signingKeyItem(ring, pair.key))
await store.put('Clients', clientItem('nightly-export'))
await store.put('Clients', clientItem('other-client'))
const revoke = await startFunction('revoke', functionEnvironment({ dynamodb: proxy.url }))

afterAll(() => Promise.all([revoke.stop(), proxy.close(), store.close()]))
beforeEach(() => proxy.reset())

const issuedAt = Math.floor(Date.now() / 1000)
const tokenOf = (jti: string) => accessToken(pair, tokenClaims(issuedAt, { jti }))
const rowOf = (jti: string) =>
  store.get('Revocations', { shard: { S: shardOf(`jti#${jti}`, 4) }, subject: { S: `jti#${jti}` } })

async function ask(clientId: string, token: string) {
  const body = new URLSearchParams({ token }).toString()
  const event = httpEvent({ routeKey: 'ANY /revoke', headers: basic(clientId, clientSecret), body })
  const { result, lines, texts } = await revoke.invoke(event)
  return {
    ...(result as { statusCode: number; headers: Record<string, string>; body: string }),
    lines,
    texts,
  }
}

describe('the revoke function', () => {
  it('reads the ring while it is loaded, and prints and fetches nothing', () => {
    expect(revoke.start).toEqual({
      result: 'function',
      failure: undefined,
      texts: [],
      lines: [],
      fetches: [],
    })
  })

  it('answers 200 once the revocation can be read (RFC 7009 §2.2)', async () => {
    const token = tokenOf('revoked-1')
    const { statusCode, body, lines, texts } = await ask('nightly-export', token)
    expect([statusCode, body]).toEqual([200, ''])
    expect(await rowOf('revoked-1')).toMatchObject({ expires_at: { N: String(issuedAt + 600 + 80) } })
    expect(lines).toMatchObject([
      { audit: 'token.revoke', outcome: 'allowed', reason: 'ok', jti: 'revoked-1' },
    ])
    expect(texts.join('')).not.toContain(token.split('.')[2])
  })

  it('revokes a token of a key that was made since the ring was last read (RFC 7009 §2.1)', async () => {
    await ask('nightly-export', tokenOf('ring-was-read'))
    const emergency = signingKeyPair({ signFrom: 1, createdAt: 2 })
    await store.put('SigningKeys', signingKeyItem(ring, emergency.key))
    const token = accessToken(emergency, tokenClaims(issuedAt, { jti: 'of-the-new-key' }))
    expect((await ask('nightly-export', token)).lines).toMatchObject([{ outcome: 'allowed', reason: 'ok' }])
    expect(await rowOf('of-the-new-key')).toMatchObject({ expires_at: { N: String(issuedAt + 600 + 80) } })
  })

  it('answers 503, never 200, when the revocation could not be written (RFC 7009 §2.2.1)', async () => {
    await ask('nightly-export', tokenOf('warm-up'))
    proxy.next('pass', 'reset', 'reset')
    const { statusCode, headers, lines } = await ask('nightly-export', tokenOf('unwritten'))
    expect([statusCode, headers['retry-after']]).toEqual([503, '1'])
    expect(await rowOf('unwritten')).toBe(undefined)
    expect(lines.at(-1)).toMatchObject({
      outcome: 'failed',
      reason: 'store_unavailable',
      RevocationsFailed: 1,
    })
  })

  it('answers 200 when the write was done and its answer was lost', async () => {
    proxy.next('pass', 'lost')
    expect((await ask('nightly-export', tokenOf('lost'))).statusCode).toBe(200)
    expect(await rowOf('lost')).toBeDefined()
  })

  it('writes nothing for a forged token, and does not tell (RFC 7009 §2.2)', async () => {
    const forged = accessToken(
      { ...signingKeyPair(), key: pair.key },
      tokenClaims(issuedAt, { jti: 'forged' }),
    )
    const { statusCode, lines } = await ask('nightly-export', forged)
    expect(statusCode).toBe(200)
    expect(lines).toMatchObject([{ outcome: 'allowed', reason: 'not_a_live_token' }])
    expect(proxy.operations).not.toContain('UpdateItem')
  })

  it('refuses to revoke another client’s token (RFC 7009 §2.1)', async () => {
    const { statusCode, body } = await ask('other-client', tokenOf('not-yours'))
    expect([statusCode, JSON.parse(body).error]).toEqual([400, 'unauthorized_client'])
    expect(await rowOf('not-yours')).toBe(undefined)
  })
})
