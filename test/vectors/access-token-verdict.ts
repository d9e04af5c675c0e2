import { authorize } from '../../lambda/oauth/authorize.ts'
import type { SigningKey } from '../../lambda/oauth/signing-key.ts'
import { parseUnverifiedToken } from '../../lambda/oauth/token-gate.ts'
import { VerifiedTokenMemory } from '../../lambda/oauth/verified-token-memory.ts'
import { verifyAccessToken } from '../../lambda/oauth/verify-access-token.ts'
import { issuer, nowSeconds, signingKey } from '../lambda/oauth/support/token-maker.ts'

/** Ports that trust everything: every key is known, every signature holds, nothing is revoked, every route is open. */
const trusting = {
  issuer,
  audience: undefined,
  findKey: async (kid: string): Promise<SigningKey> => ({ ...signingKey, kid }),
  findKnownKey: () => signingKey,
  verifySignature: () => true,
  isRevoked: async () => false,
  routes: new Map([['GET /orders', { anyOf: ['orders:read'] }]]),
}

const gateRefusals = [
  'token_too_long',
  'token_malformed',
  'token_not_canonical',
  'token_header_refused',
  'token_signature_malformed',
]

/**
 * Whether a text is refused as an access token by the gate alone, before any key is looked for: by the gate itself, by
 * verification and by the authorizer's decision.
 */
export async function isRefusedByTheGate(text: string): Promise<boolean> {
  const atGate = parseUnverifiedToken(text)
  const verified = await verifyAccessToken(text, trusting, nowSeconds)
  const memory = new VerifiedTokenMemory()
  const request = { routeKey: 'GET /orders', authorization: `Bearer ${text}` }
  const decision = await authorize(request, { ...trusting, memory }, nowSeconds)
  return (
    typeof atGate === 'string' &&
    gateRefusals.includes(atGate) &&
    verified === atGate &&
    decision.outcome === 'refused' &&
    decision.error === 'invalid_token' &&
    [atGate, 'credentials_malformed'].includes(decision.reason)
  )
}
