import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { newRevocationEndpoint } from './support/revocation-endpoint.ts'
import { basicHeader, client, otherSecret } from './support/token-endpoint.ts'
import { audience, claims, clientId, makeToken, nowSeconds } from './support/token-maker.ts'

const emptyOk = { status: 200, headers: { 'cache-control': 'no-store', pragma: 'no-cache' }, body: '' }
const otherClient = 'f'.repeat(32)

describe('a revocation', () => {
  it('of a client’s own token is recorded by its jti before it is confirmed (RFC 7009 §2.2)', async () => {
    const { revoke, calls, revocations } = newRevocationEndpoint()
    expect(await revoke({ token: makeToken() })).toEqual({
      response: emptyOk,
      reason: 'ok',
      facts: { clientId, jti: claims.jti, audience },
    })
    expect(revocations).toEqual([{ kind: 'jti', jti: claims.jti, expiresAt: claims.exp + 80 }])
    expect(calls).toEqual(['findClient', 'writeRevocation', 'recordSecretUse secret-1'])
  })

  it.each(['access_token', 'refresh_token', 'something'])(
    'is the same with the hint %s (RFC 7009 §2.1)',
    async token_type_hint => {
      const { revoke, revocations } = newRevocationEndpoint()
      expect((await revoke({ token: makeToken(), token_type_hint })).reason).toBe('ok')
      expect(revocations).toHaveLength(1)
    },
  )

  it('may be repeated (RFC 7009 §2.2)', async () => {
    const { revoke, revocations } = newRevocationEndpoint()
    await revoke({ token: makeToken() })
    expect((await revoke({ token: makeToken() })).response).toEqual(emptyOk)
    expect(new Set(revocations.map(revocation => JSON.stringify(revocation))).size).toBe(1)
  })

  const [header, payload] = makeToken().split('.')
  it.each([
    ['no token at all', 'abc'],
    ['a token expired this second', makeToken({ iat: nowSeconds - 600, exp: nowSeconds })],
    ['a token of an unknown key', makeToken({}, { kid: 'key-2' })],
    ['a token of another issuer', makeToken({ iss: 'https://other.example.com' })],
    ['a forged token', `${header}.${payload}.${'A'.repeat(86)}`],
    ['claims under another’s signature', `${makeToken({ jti: 'b' }).slice(0, -86)}${makeToken().slice(-86)}`],
  ])('of %s records nothing and answers the same (RFC 7009 §2.2)', async (_, token) => {
    const { revoke, calls } = newRevocationEndpoint()
    expect(await revoke({ token })).toEqual({
      response: emptyOk,
      reason: 'not_a_live_token',
      facts: { clientId },
    })
    expect(calls).toEqual(['findClient', 'recordSecretUse secret-1'])
  })

  it('of another client’s token is refused, and that token lives on (RFC 7009 §2.1)', async () => {
    const { revoke, calls } = newRevocationEndpoint()
    const token = makeToken({ sub: otherClient, client_id: otherClient })
    expect(await revoke({ token })).toEqual({
      response: undefined,
      reason: 'token_of_other_client',
      facts: { clientId, jti: claims.jti, audience },
    })
    expect(calls).toEqual(['findClient'])
  })

  it('needs a token (RFC 7009 §2.1)', async () => {
    const { revoke, calls } = newRevocationEndpoint()
    expect((await revoke({})).reason).toBe('token_missing')
    expect((await revoke({ token: '' })).reason).toBe('token_missing')
    expect(calls).toEqual(['findClient', 'findClient'])
  })

  it('needs the client’s authentication, before anything is said of the token (RFC 7009 §2.1)', async () => {
    const { revoke, calls } = newRevocationEndpoint()
    const wrong = basicHeader(clientId, otherSecret)
    for (const token of [makeToken(), 'abc', '']) {
      expect((await revoke({ token }, wrong)).reason).toBe('secret_wrong')
    }
    const disabled = newRevocationEndpoint({ ...client, status: 'disabled' })
    expect((await disabled.revoke({ token: makeToken() })).reason).toBe('client_disabled')
    expect([...calls, ...disabled.calls]).toEqual(Array(4).fill(['findClient', 'recordFailure']).flat())
  })

  it('that could not be written is not confirmed (RFC 7009 §2.2.1)', async () => {
    const { revoke, endpoint, calls } = newRevocationEndpoint()
    const outage = new Unavailable('store')
    Object.assign(endpoint, { writeRevocation: async () => Promise.reject(outage) })
    await expect(revoke({ token: makeToken() })).rejects.toBe(outage)
    expect(calls).toEqual(['findClient'])
  })

  it('is not confirmed either when the keys cannot be read (RFC 7009 §2.2.1)', async () => {
    const { revoke, endpoint } = newRevocationEndpoint()
    const outage = new Unavailable('store')
    Object.assign(endpoint, { findKey: async () => Promise.reject(outage) })
    await expect(revoke({ token: makeToken() })).rejects.toBe(outage)
  })
})
