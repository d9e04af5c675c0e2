import { describe, expect, it } from 'vitest'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { type AccessTokenVerification, verifyAccessToken } from '../../../lambda/oauth/verify-access-token.ts'
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

function newVerification(changes: Partial<AccessTokenVerification> = {}) {
  const asked: string[] = []
  const verification: AccessTokenVerification = {
    issuer,
    audience,
    findKey: async kid => {
      asked.push(`key ${kid}`)
      return kid === signingKey.kid ? signingKey : undefined
    },
    verifySignature: token => {
      asked.push('signature')
      return verifySignature(token)
    },
    ...changes,
  }
  const verify = (token: string, now = nowSeconds) => verifyAccessToken(token, verification, now)
  return { asked, verify }
}

describe('a verified token', () => {
  it('carries its claims, its scope and what a revocation can match (RFC 9068 §4)', async () => {
    expect(await newVerification().verify(makeToken())).toEqual({
      claims,
      scope: ['orders:read', 'orders:write'],
      jti: claims.jti,
      clientId,
      kid: 'key-1',
      iat: nowSeconds,
    })
  })

  it.each([
    ['text that is no token', 'x', 'token_malformed', []],
    ['an unknown key', makeToken({}, { kid: 'key-9' }), 'key_unknown', ['key key-9']],
    ['another issuer', makeToken({ iss: 'https://evil.example' }), 'issuer_mismatch', ['key key-1']],
    ['another audience', makeToken({ aud: 'https://evil.example' }), 'audience_mismatch', ['key key-1']],
    ['no exp', makeToken({ exp: undefined }), 'claims_malformed', ['key key-1']],
    ['an end that is past', makeToken({ iat: 1, exp: 600 }), 'token_expired', ['key key-1']],
  ])(
    'is not made of %s, and no cryptography is spent on it (RFC 8725 §3)',
    async (_, token, reason, calls) => {
      const { asked, verify } = newVerification()
      expect(await verify(token)).toBe(reason)
      expect(asked).toEqual(calls)
    },
  )

  it('is not made of a signature by another key (RFC 7515 §5.2)', async () => {
    const { verify } = newVerification({ verifySignature: () => false })
    expect(await verify(makeToken())).toBe('signature_invalid')
  })

  it('is bound to the algorithm of its key, not only to the name (RFC 8725 §3.1)', async () => {
    const other = { ...signingKey, algorithm: 'RS256' } as unknown as SigningKey
    const { asked, verify } = newVerification({ findKey: async () => other })
    expect(await verify(makeToken())).toBe('key_unknown')
    expect(asked).toEqual([])
  })

  it('is not made while the key cannot be looked up', async () => {
    const outage = new Unavailable('store')
    const { verify } = newVerification({ findKey: () => Promise.reject(outage) })
    await expect(verify(makeToken())).rejects.toBe(outage)
  })
})

describe('a single edit of a valid token', () => {
  const characters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %\n\u0000é']
  const token = makeToken()

  async function accepted(edit: (before: string, after: string) => readonly string[]): Promise<string[]> {
    const { verify } = newVerification()
    const found: string[] = []
    for (let at = 0; at <= token.length; at++) {
      for (const edited of edit(token.slice(0, at), token.slice(at))) {
        if (edited !== token && typeof (await verify(edited)) !== 'string') found.push(edited)
      }
    }
    return found
  }

  it('is refused when a character is replaced, wherever it is and whatever by', async () => {
    const replace = (before: string, after: string) => characters.map(c => before + c + after.slice(1))
    expect(await accepted(replace)).toEqual([])
  })

  it('is refused when a character is inserted', async () => {
    expect(await accepted((before, after) => characters.map(c => before + c + after))).toEqual([])
  })

  it('is refused when a character is deleted, or two neighbours change places', async () => {
    const edit = (before: string, after: string) => [
      before + after.slice(1),
      before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2),
    ]
    expect(await accepted(edit)).toEqual([])
  })
})
