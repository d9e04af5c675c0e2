import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  type ClientSecret,
  digestSecret,
  formatSecret,
  matchSecret,
} from '../../../lambda/oauth/client-secret.ts'
import { nowSeconds } from './support/token-maker.ts'

const text = formatSecret(new Uint8Array(32).fill(1))
const stored = (secretId: string, secret: string, expiresAt?: number): ClientSecret => ({
  secretId,
  digest: digestSecret(secret),
  createdAt: 0,
  expiresAt,
})

describe('a client secret', () => {
  it('is a prefix, 256 random bits and a checksum (RFC 6749 §10.10)', () => {
    const zeros = formatSecret(new Uint8Array(32))
    const body = 'A'.repeat(43)
    const checksum = createHash('sha256').update(body).digest('base64url').slice(0, 6)
    expect(zeros).toBe(`ctsn_${body}${checksum}`)
    expect(zeros).toHaveLength(54)
    expect(formatSecret(new Uint8Array(32).fill(255))).toMatch(/^ctsn_[\w-]{49}$/)
  })

  it('needs no encoding in a header, a form or a shell (RFC 6749 §2.3.1)', () => {
    for (let byte = 0; byte < 256; byte++) {
      expect(encodeURIComponent(formatSecret(new Uint8Array(32).fill(byte)))).toMatch(/^[\w-]{54}$/)
    }
  })

  it('is stored as the SHA-256 of its UTF-8 text', () => {
    expect(digestSecret('é').toString('hex')).toBe(
      createHash('sha256')
        .update(Buffer.from([0xc3, 0xa9]))
        .digest('hex'),
    )
  })
})

describe('a presented secret', () => {
  it('matches the one of the stored secrets that it is, wherever that stands (RFC 6749 §2.3.1)', () => {
    const mine = stored('mine', text)
    const other = stored('other', 'other')
    for (const list of [[mine], [mine, other], [other, mine]]) {
      expect(matchSecret(text, list, nowSeconds)).toEqual({ match: 'live', secret: mine })
    }
  })

  it.each([
    ['a second before it expires', nowSeconds + 1, 'live'],
    ['in the second in which it expires', nowSeconds, 'expired'],
    ['a second later', nowSeconds - 1, 'expired'],
    ['when it expired at the epoch', 0, 'expired'],
    ['when it never expires', undefined, 'live'],
  ])('is, %s, %j: %s', (_, expiresAt, match) => {
    expect(matchSecret(text, [stored('mine', text, expiresAt)], nowSeconds).match).toBe(match)
  })

  it.each([
    ['', 'nothing'],
    [text.slice(0, -1), 'a character less'],
    [`${text} `, 'a space more'],
    [text.toUpperCase(), 'another case'],
    [`${text}\0`, 'a NUL more'],
    ['x'.repeat(257), 'more than 256 bytes'],
    ['é'.repeat(129), 'more than 256 bytes of UTF-8'],
  ])('%j does not match: it has %s', presented => {
    expect(matchSecret(presented, [stored('mine', text)], nowSeconds)).toEqual({ match: 'none' })
  })

  it('of more than 256 bytes matches nothing, even what was stored for it or for no text', () => {
    const long = 'x'.repeat(257)
    expect(matchSecret(long, [stored('long', long), stored('empty', '')], nowSeconds)).toEqual({
      match: 'none',
    })
    const longest = 'x'.repeat(256)
    expect(matchSecret(longest, [stored('longest', longest)], nowSeconds).match).toBe('live')
  })

  it('never matches a stored digest of another length, nor none at all', () => {
    const short = { ...stored('short', text), digest: digestSecret(text).subarray(0, 31) }
    const empty = { ...stored('empty', text), digest: new Uint8Array(0) }
    for (const list of [[short], [empty], []]) {
      expect(matchSecret(text, list, nowSeconds)).toEqual({ match: 'none' })
    }
  })
})
