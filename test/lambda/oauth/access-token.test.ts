import { compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  SignatureSelfCheckError,
  SigningKeyUnusable,
  signAccessToken,
} from '../../../lambda/oauth/access-token.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { claims, publicJwk, signingKey, signRaw } from './support/token-maker.ts'

describe('an access token', () => {
  it('is a compact JWS over exactly the header and the claims (RFC 7515 §7.1, RFC 9068 §2.1)', async () => {
    const token = await signAccessToken(claims, [signingKey], async input => signRaw(input))
    const { payload, protectedHeader } = await compactVerify(token, await importJWK(publicJwk))
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' })
    expect(new TextDecoder().decode(payload)).toBe(JSON.stringify(claims))
    expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]{86}$/)
  })

  it('is signed once, over its first two segments, with the key that its header names (RFC 7515 §5.1)', async () => {
    const signed: [string, SigningKey][] = []
    const token = await signAccessToken(claims, [signingKey], async (input, key) => {
      signed.push([input, key])
      return new Uint8Array(64).fill(1)
    })
    const [header, payload, signature] = token.split('.')
    expect(signed).toEqual([[`${header}.${payload}`, signingKey]])
    expect(signature).toBe(Buffer.alloc(64, 1).toString('base64url'))
    expect(Buffer.from(header ?? '', 'base64url').toString()).toBe(
      '{"alg":"ES256","typ":"at+jwt","kid":"key-1"}',
    )
  })

  it.each([
    [new SignatureSelfCheckError(), 'signature_invalid', 500],
    [new Unavailable('kms'), 'signing_unavailable', 503],
  ])('is not made when signing fails with %s: %s', async (cause, reason, status) => {
    const signing = signAccessToken(claims, [signingKey], async () => Promise.reject(cause))
    await expect(signing).rejects.toMatchObject({ name: 'OAuthError', reason, status, cause })
  })

  it('is signed with the next key when KMS does not use the first', async () => {
    const other = { ...signingKey, kid: 'key-2' }
    const tried: string[] = []
    const token = await signAccessToken(claims, [signingKey, other], async (_, key) => {
      tried.push(key.kid)
      if (key === signingKey) throw new SigningKeyUnusable()
      return new Uint8Array(64).fill(1)
    })
    expect(tried).toEqual(['key-1', 'key-2'])
    expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid).toBe('key-2')
  })

  it('is not made when KMS uses none of the keys', async () => {
    const cause = new SigningKeyUnusable()
    const signing = signAccessToken(claims, [signingKey, signingKey], async () => Promise.reject(cause))
    await expect(signing).rejects.toMatchObject({ reason: 'signing_unavailable', status: 503, cause })
  })

  it('hides no fault that it does not know', async () => {
    const fault = new TypeError('a bug')
    const signing = signAccessToken(claims, [signingKey], async () => Promise.reject(fault))
    await expect(signing).rejects.toBe(fault)
  })
})
