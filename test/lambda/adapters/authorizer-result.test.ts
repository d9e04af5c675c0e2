import { describe, expect, it } from 'vitest'
import { authorizerResult } from '../../../lambda/adapters/authorizer-result.ts'
import type { VerifiedToken } from '../../../lambda/oauth/verify-access-token.ts'
import { ordersAudience } from '../support/client-item.ts'
import { nowSeconds } from '../support/recorded-lines.ts'
import { tokenClaims } from '../support/signing-key-pair.ts'

const claims = tokenClaims(nowSeconds)
const token: VerifiedToken = {
  claims,
  scope: ['orders:read'],
  jti: claims.jti,
  clientId: claims.client_id,
  kid: 'kid',
  iat: claims.iat,
}

describe('authorizerResult', () => {
  it('passes an allowed request with the context that the integration finds', () => {
    expect(authorizerResult({ outcome: 'allowed', token })).toEqual({
      isAuthorized: true,
      context: {
        clientId: 'nightly-export',
        scope: 'orders:read',
        jti: 'token-0001',
        audience: ordersAudience,
        expiresAt: nowSeconds + 600,
      },
    })
  })

  it('answers anything wrong with the token as 401, without a context (RFC 6750 §3.1)', () => {
    const decision = { outcome: 'refused', error: 'invalid_token', reason: 'token_revoked', token } as const
    expect(authorizerResult(decision)).toEqual({ errorMessage: 'Unauthorized' })
  })

  it('answers too little scope as 403, without a context (RFC 6750 §3.1)', () => {
    const decision = {
      outcome: 'refused',
      error: 'insufficient_scope',
      reason: 'scope_insufficient',
      token,
    } as const
    expect(authorizerResult(decision)).toEqual({ isAuthorized: false })
  })

  it.each(['store_unavailable', 'internal_error'] as const)(
    'throws %s, which the gateway makes 500 and never caches',
    reason => {
      expect(() => authorizerResult({ outcome: 'failed', reason })).toThrow(new Error(reason))
    },
  )
})
