import { isLowS } from '../../../lambda/oauth/ecdsa-signature.ts'
import { type Json, type LocalStack, orders, type RegisteredClient } from '../../flow/local-stack.ts'
import { tokenByKms } from '../../flow/third-party/token-by-kms.ts'

const now = () => Math.floor(Date.now() / 1000)
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** An access token with the other s that ECDSA has for it: high where ours is low. */
export function malleated(token: string): string {
  const end = token.lastIndexOf('.') + 1
  const signature = Buffer.from(token.slice(end), 'base64url')
  const s = order - BigInt(`0x${signature.subarray(32).toString('hex')}`)
  const other = Buffer.from(s.toString(16).padStart(64, '0'), 'hex')
  return token.slice(0, end) + Buffer.concat([signature.subarray(0, 32), other]).toString('base64url')
}

/** Texts that are no access token, or were one: made of a live one of a client. */
export function spellings(token: string): [what: string, text: string][] {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  const other = signature.startsWith('A') ? 'B' : 'A'
  return [
    ['garbage', 'garbage'],
    ['a NUL-free binary text', '\u0001\u00ff'],
    ['dots', '..'],
    ['a JWE', `${header}.${payload}.${signature}.${payload}.${signature}`],
    ['alg none', `${none}.${payload}.`],
    ['no signature', `${header}.${payload}.`],
    ['a malleated signature', malleated(token)],
    ['a changed signature', `${header}.${payload}.${other}${signature.slice(1)}`],
    ['padding', `${token}==`],
    ['white space', ` ${token}`],
    ['a scheme', `Bearer ${token}`],
    ['its first two segments', `${header}.${payload}`],
    ['a jti instead', JSON.parse(Buffer.from(payload, 'base64url').toString()).jti],
    ['8 KiB', 'x'.repeat(8192)],
  ]
}

/** Claims that the server does not issue, and which it refuses though its own key has signed them. */
export const hostileClaims: [what: string, claims: () => Json][] = [
  ['expired', () => ({ iat: now() - 700, exp: now() - 1 })],
  ['expired this second', () => ({ iat: now() - 600, exp: now() })],
  ['not yet valid', () => ({ nbf: now() + 61 })],
  ['issued in the future', () => ({ iat: now() + 61, exp: now() + 600 })],
  ['of another issuer', () => ({ iss: 'https://evil.example' })],
  ['of an issuer with a slash', () => ({ iss: 'http://127.0.0.1/' })],
  ['without an issuer', () => ({ iss: undefined })],
  ['without an audience', () => ({ aud: undefined })],
  ['with several audiences', () => ({ aud: [orders, 'https://evil.example'] })],
  ['without a jti', () => ({ jti: undefined })],
  ['without exp', () => ({ exp: undefined })],
  ['for ten years', () => ({ exp: now() + 315_360_000 })],
  ['with a sub of somebody else', () => ({ sub: 'somebody-else' })],
  ['bound to a key', () => ({ cnf: { jkt: 'x' } })],
]

/** A token with hostile claims, signed by the server's key with a low s: nothing but its claims is wrong with it. */
export async function signedByServer(
  stack: LocalStack,
  client: RegisteredClient,
  claims: Json,
): Promise<string> {
  const honest = await stack.token(client)
  for (;;) {
    const token = await tokenByKms(stack, honest, { claims })
    if (isLowS(Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url').subarray(32))) return token
  }
}
