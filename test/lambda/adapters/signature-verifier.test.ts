import { afterEach, describe, expect, it, vi } from 'vitest'
import { signatureVerifier } from '../../../lambda/adapters/signature-verifier.ts'
import { issuer, ordersAudience } from '../support/client-item.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const pair = signingKeyPair()
const { key } = pair
const nowSeconds = Math.floor(Date.now() / 1000)
const token = accessToken(pair, tokenClaims(nowSeconds))
const verify = signatureVerifier(issuer, ordersAudience)

afterEach(() => vi.restoreAllMocks())

/** The same token with one character of a segment replaced by another of the alphabet. */
function changed(segment: number, at: number): string {
  const parts = token.split('.')
  const text = parts[segment] ?? ''
  const replacement = text[at] === 'A' ? 'B' : 'A'
  parts[segment] = text.slice(0, at) + replacement + text.slice(at + 1)
  return parts.join('.')
}

describe('signatureVerifier', () => {
  it('accepts a token that the key signed', () => {
    expect(verify(token, key)).toBe(true)
  })

  it('refuses a changed signature or changed claims', () => {
    expect(verify(changed(2, 0), key)).toBe(false)
    expect(verify(changed(2, 50), key)).toBe(false)
    expect(verify(changed(1, 20), key)).toBe(false)
  })

  it('refuses a token of another key that calls itself by this one’s identifier (RFC 8725 §3.1)', () => {
    const stranger = signingKeyPair()
    const forged = accessToken({ key, privateKey: stranger.privateKey }, tokenClaims(nowSeconds))
    expect(verify(forged, key)).toBe(false)
  })

  it('refuses a token whose key is not the one that was found for it', () => {
    const other = signingKeyPair()
    expect(signatureVerifier(issuer, ordersAudience)(token, other.key)).toBe(false)
  })

  it('refuses an unsigned token and one of a symmetric algorithm (RFC 8725 §3.2)', () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const alg of ['none', 'HS256', 'ES384', 'RS256']) {
      const input = `${encode({ alg, typ: 'at+jwt', kid: key.kid })}.${encode(tokenClaims(nowSeconds))}`
      expect(verify(`${input}.${token.split('.')[2]}`, key)).toBe(false)
    }
  })

  it('checks issuer, audience and end once more', () => {
    expect(verify(accessToken(pair, tokenClaims(nowSeconds, { iss: 'https://other.example' })), key)).toBe(
      false,
    )
    expect(verify(accessToken(pair, tokenClaims(nowSeconds, { aud: 'https://other.example' })), key)).toBe(
      false,
    )
    expect(verify(accessToken(pair, tokenClaims(nowSeconds - 3600)), key)).toBe(false)
  })

  it('accepts any audience where none is named', () => {
    const anyAudience = signatureVerifier(issuer, undefined)
    expect(
      anyAudience(accessToken(pair, tokenClaims(nowSeconds, { aud: 'https://other.example' })), key),
    ).toBe(true)
  })

  it('never fetches, whatever the token says', () => {
    const fetching = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('no network'))
    const unknown = accessToken({ ...pair, key: { ...key, kid: 'unknown' } }, tokenClaims(nowSeconds))
    expect(verify(unknown, key)).toBe(false)
    expect(fetching).not.toHaveBeenCalled()
  })

  it('refuses text that is no token', () => {
    for (const text of ['', 'a', 'a.b.c', '...', `${token}.`]) expect(verify(text, key)).toBe(false)
  })
})
