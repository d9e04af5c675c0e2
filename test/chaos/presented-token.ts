import type { IssuedToken } from './history.ts'
import type { Random } from './random.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** What a token's text says, unverified. */
export function readToken(text: string): IssuedToken {
  const [header = '', payload = ''] = text.split('.')
  const { kid } = decode(header)
  const { jti, client_id, scope, iat, exp } = decode(payload)
  return {
    jti: String(jti),
    clientId: String(client_id),
    kid: String(kid),
    scope: String(scope).split(' '),
    iat: Number(iat),
    exp: Number(exp),
  }
}

/** The same token to a lenient reader: with padding, or with other bits where the last character has unused ones. */
export function respell(text: string, random: Random): string {
  if (random.chance(0.5)) return `${text}=`
  const last = alphabet.indexOf(text.slice(-1))
  return `${text.slice(0, -1)}${alphabet[last ^ 1]}`
}

/** A token that nobody issued: a bit of the signature is another, or the payload says more. */
export function forge(text: string, random: Random): string {
  const [header = '', payload = '', signature = ''] = text.split('.')
  if (random.chance(0.5)) {
    const claims = { ...decode(payload), exp: Number(decode(payload).exp) + 1 }
    return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
  }
  const octets = Buffer.from(signature, 'base64url')
  const index = Math.floor(random.between(0, octets.length))
  octets[index] = (octets[index] ?? 0) ^ 1
  return `${header}.${payload}.${octets.toString('base64url')}`
}

function decode(segment: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(segment, 'base64url').toString())
}
