import { describe, expect, it } from 'vitest'
import type { Client } from '../../../lambda/oauth/client.ts'
import type { DecisionFacts } from '../../../lambda/oauth/decision-facts.ts'
import { type IntrospectionEndpoint, introspectToken } from '../../../lambda/oauth/introspect-token.ts'
import { OAuthError } from '../../../lambda/oauth/oauth-error.ts'
import type { RevocableToken } from '../../../lambda/oauth/revocation.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import {
  basicHeader,
  client,
  clientAuthenticationPorts,
  formRequest,
  secret,
} from './support/token-endpoint.ts'
import {
  audience,
  claims,
  clientId,
  issuer,
  makeToken,
  nowSeconds,
  signingKey,
  verifySignature,
} from './support/token-maker.ts'

const api: Client = { ...client, clientId: 'orders-api', grants: [], resourceServer: audience }

async function introspect(
  caller: Client | 'unknown',
  parameters: Record<string, string>,
  isRevoked: (token: RevocableToken) => Promise<boolean> = async () => false,
) {
  const calls: string[] = []
  const facts: DecisionFacts = {}
  const endpoint: IntrospectionEndpoint = {
    ...clientAuthenticationPorts(calls, caller),
    audience: undefined,
    findKey: async kid => (kid === signingKey.kid ? signingKey : undefined),
    verifySignature,
    isRevoked: async token => {
      calls.push(`isRevoked ${token.jti}`)
      return isRevoked(token)
    },
  }
  const id = caller === 'unknown' ? clientId : caller.clientId
  try {
    const request = formRequest(parameters, basicHeader(id, secret))
    const { response, reason } = await introspectToken(request, endpoint, nowSeconds, facts)
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(response.body),
      reason,
      calls,
      facts,
    }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return { reason: error.reason, calls, facts }
  }
}

const inactive = { status: 200, body: { active: false } }

describe('an introspection (RFC 7662 §2)', () => {
  it.each([
    ['its resource server', api],
    ['its client', client],
  ])('describes a token to %s, and is cached by nobody', async (_, caller) => {
    expect(await introspect(caller, { token: makeToken({ nbf: nowSeconds }), token_type_hint: 'x' })).toEqual(
      {
        status: 200,
        headers: { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' },
        body: {
          active: true,
          token_type: 'Bearer',
          scope: 'orders:read orders:write',
          client_id: clientId,
          sub: clientId,
          aud: audience,
          iss: issuer,
          iat: nowSeconds,
          exp: nowSeconds + 600,
          nbf: nowSeconds,
          jti: claims.jti,
        },
        reason: 'ok',
        calls: ['findClient', `isRevoked ${claims.jti}`, 'recordSecretUse secret-1'],
        facts: { clientId: caller.clientId, jti: claims.jti, audience },
      },
    )
  })

  it.each<[string, Client]>([
    ['another client', { ...client, clientId: 'other' }],
    ['another resource server', { ...api, resourceServer: 'https://payments.example.com' }],
  ])('tells %s nothing, and asks nothing of revocations for it (RFC 7662 §4)', async (_, caller) => {
    const { calls, ...result } = await introspect(caller, { token: makeToken() })
    expect(result).toMatchObject({ ...inactive, reason: 'token_of_other_audience' })
    expect(calls).toEqual(['findClient', 'recordSecretUse secret-1'])
  })

  it('takes a revoked token for inactive', async () => {
    const revoked = async ({ jti }: RevocableToken) => jti === claims.jti
    expect(await introspect(api, { token: makeToken() }, revoked)).toMatchObject({
      ...inactive,
      reason: 'token_revoked',
    })
  })

  it.each([
    ['garbage', 'x'],
    ['an expired token', makeToken({ exp: nowSeconds })],
    ['a token of another issuer', makeToken({ iss: 'https://other.example' })],
    ['a forged token', `${makeToken().slice(0, -2)}AA`],
    ['a token of an unknown key', makeToken({}, { kid: 'other' })],
  ])('takes %s for inactive, and says nothing of it in the audit event (RFC 7662 §2.2)', async (_, token) => {
    expect(await introspect(api, { token })).toMatchObject({
      ...inactive,
      reason: 'not_a_live_token',
      facts: { clientId: api.clientId },
    })
  })

  it('needs client authentication before anything is said (RFC 7662 §2.1)', async () => {
    expect(await introspect('unknown', { token: makeToken() })).toMatchObject({ reason: 'client_unknown' })
    expect(await introspect(api, {})).toMatchObject({ reason: 'token_missing' })
  })

  it('fails when revocations cannot be read', async () => {
    const down = async () => {
      throw new Unavailable('store')
    }
    await expect(introspect(api, { token: makeToken() }, down)).rejects.toBeInstanceOf(Unavailable)
  })
})
