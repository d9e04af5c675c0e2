import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { compactVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { derToJoseLowS, isLowS, joseToDer } from '../../../lambda/oauth/ecdsa-signature.ts'
import { encode, header } from './support/token-maker.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

describe('an ECDSA signature', () => {
  it('is 64 octets with low S and verifies, also when r or s is short (RFC 7518 §3.4)', () => {
    const seen = { short: 0, high: 0 }
    for (let index = 0; index < 3000; index++) {
      const data = Buffer.from(`message ${index}`)
      const der = sign('sha256', data, privateKey)
      const raw = derToJoseLowS(der)
      if (raw === undefined) throw new Error('refused')
      expect(raw).toHaveLength(64)
      expect(isLowS(raw.subarray(32))).toBe(true)
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true)
      expect(verify('sha256', data, publicKey, joseToDer(raw))).toBe(true)
      if (raw[0] === 0 || raw[32] === 0) seen.short++
      if (!der.subarray(-32).equals(raw.subarray(32))) seen.high++
    }
    expect(seen.short).toBeGreaterThan(0)
    expect(seen.high).toBeGreaterThan(1000)
  })

  it('is accepted by jose', async () => {
    const input = `${encode(JSON.stringify(header))}.${encode('{}')}`
    const raw = derToJoseLowS(sign('sha256', Buffer.from(input), privateKey))
    const { payload } = await compactVerify(`${input}.${encode(raw ?? '')}`, publicKey)
    expect(new TextDecoder().decode(payload)).toBe('{}')
  })

  it.each([
    ['nothing', ''],
    ['no sequence', '020100'],
    ['another tag for the sequence', '3106020101020101'],
    ['another tag for r', '3006030101020101'],
    ['another tag for s', '3006020101030101'],
    ['an r that says it is longer', '3006020701020101'],
    ['an s that says it is longer', '3006020101020201'],
    ['a wrong length', '3007020101020101'],
    ['one integer', '3003020101'],
    ['trailing bytes', '300702010102010100'],
    ['an empty integer', '300402000200'],
    ['an integer of 33 octets', `3026${`0221${'01'.repeat(33)}`}020101`],
  ])('is refused as %s', (_, hex) => {
    expect(derToJoseLowS(Buffer.from(hex, 'hex'))).toBeUndefined()
  })
})
