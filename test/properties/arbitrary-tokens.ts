import fc from 'fast-check'
import { verifyAccessToken } from '../../lambda/oauth/verify-access-token.ts'
import {
  audience,
  claims,
  header,
  issuer,
  nowSeconds,
  signingKey,
  signTexts,
} from '../lambda/oauth/support/token-maker.ts'
import { signatureVerifierAt } from './verifier-at.ts'

const scopeToken = fc.stringMatching(/^[\x21\x23-\x5b\x5d-\x7e]{1,12}$/)
const identifier = fc.stringMatching(/^[A-Za-z0-9._~-]{1,64}$/)

const validClaims = fc
  .record({
    clientId: identifier,
    scope: fc.uniqueArray(scopeToken, { maxLength: 5 }),
    jti: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    age: fc.integer({ min: -10, max: 599 }),
    more: fc.constantFrom({}, { nbf: nowSeconds }, { nbf: nowSeconds + 10 }, { note: 'é€😀' }, { big: 1e21 }),
  })
  .map(({ clientId, scope, jti, age, more }) => ({
    ...claims,
    sub: clientId,
    client_id: clientId,
    scope: scope.join(' '),
    iat: nowSeconds - age,
    exp: nowSeconds - age + 600,
    jti,
    ...more,
  }))

const validHeader = fc
  .constantFrom('at+jwt', 'application/at+jwt', 'AT+JWT', 'At+Jwt')
  .map(typ => ({ ...header, typ }))

/** The texts of a valid token's header and payload. */
export const validTexts = fc.tuple(validHeader, validClaims).map(([head, body]) => ({
  headerText: JSON.stringify(head),
  payloadText: JSON.stringify(body),
}))

/** Tokens that are accepted, in every shape that they may have, signed with our own key. */
export const validToken = validTexts.map(({ headerText, payloadText }) => signTexts(headerText, payloadText))

const find = (kid: string) => (kid === signingKey.kid ? signingKey : undefined)

const verification = {
  issuer,
  audience,
  findKey: async (kid: string) => find(kid),
  verifySignature: signatureVerifierAt(() => nowSeconds * 1000, issuer, audience),
}

/** An API that verifies as in production; `GET /orders` asks for no scope, and nothing is revoked. */
export const openApi = {
  ...verification,
  routes: new Map([['GET /orders', { allOf: [] }]]),
  findKnownKey: find,
  isRevoked: async () => false,
}

/** Whether verification as it runs in production takes this text for a valid token of our own key. */
export async function isAccepted(text: string): Promise<boolean> {
  return typeof (await verifyAccessToken(text, verification, nowSeconds)) !== 'string'
}
