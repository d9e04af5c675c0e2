import { generateKeyPairSync, sign } from 'node:crypto'
import { compactVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { derToJoseLowS, isLowS, joseToDer } from '../../../lambda/oauth/ecdsa-signature.ts'
import { encode, header } from './support/token-maker.ts'

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const octets = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
const raw = (r: bigint, s: bigint) => Buffer.concat([octets(r), octets(s)])

/** DER as X.690 has it, written apart from the code under test. */
function derOf(r: bigint, s: bigint): Buffer {
  const integer = (value: bigint) => {
    const hex = value.toString(16)
    const digits = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
    const content = (digits[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.alloc(1), digits]) : digits
    return Buffer.concat([Buffer.from([0x02, content.length]), content])
  }
  const body = Buffer.concat([integer(r), integer(s)])
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

const lengths = Array.from({ length: 32 }, (_, index) => index + 1)

describe('r and s of any length', () => {
  it('are left-padded to 32 octets each, and come back as the same DER (RFC 7518 §3.4)', () => {
    for (const rLength of lengths) {
      for (const sLength of lengths) {
        for (const top of [0x01n, 0x7fn]) {
          const r = top << BigInt(8 * (rLength - 1))
          const s = (top << BigInt(8 * (sLength - 1))) % (order / 2n)
          expect(derToJoseLowS(derOf(r, s))).toEqual(raw(r, s))
          expect(joseToDer(raw(r, s))).toEqual(derOf(r, s))
        }
      }
    }
  })

  it('need a zero octet in DER when their first bit is set (X.690 §8.3)', () => {
    for (const length of lengths) {
      const r = 0x80n << BigInt(8 * (length - 1))
      expect(derToJoseLowS(derOf(r, 1n))).toEqual(raw(r, 1n))
      expect(joseToDer(raw(r, 1n))).toEqual(derOf(r, 1n))
    }
  })
})

describe('zero', () => {
  it('is written as one octet (X.690 §8.3), though it is no r and no s of a signature', () => {
    expect(joseToDer(Buffer.alloc(64)).toString('hex')).toBe('3006020100020100')
    expect(joseToDer(raw(1n, 0n))).toEqual(derOf(1n, 0n))
  })
})

describe('s', () => {
  it('is low up to half of the order, and no further', () => {
    const half = order / 2n
    expect([1n, half - 1n, half, half + 1n, order - 1n].map(s => isLowS(octets(s)))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  it('stays when it is low and becomes n - s when it is high, so that both forms are one', () => {
    const half = order / 2n
    for (const low of [1n, 2n, 255n, 256n, 1n << 128n, half - 1n, half]) {
      expect(derToJoseLowS(derOf(7n, low))).toEqual(raw(7n, low))
      expect(derToJoseLowS(derOf(7n, order - low))).toEqual(raw(7n, low))
    }
  })
})

describe('2,000 signatures', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  it('verify with jose, in the form of low S alone (RFC 7518 §3.4)', async () => {
    const seen = { high: 0, short: 0 }
    for (let index = 0; index < 2000; index++) {
      const input = `${encode(JSON.stringify(header))}.${encode(`{"n":${index}}`)}`
      const der = sign('sha256', Buffer.from(input), privateKey)
      const jose = derToJoseLowS(der)
      if (jose === undefined) throw new Error('refused')
      const { payload } = await compactVerify(`${input}.${encode(jose)}`, publicKey)
      expect(Buffer.from(payload).toString()).toBe(`{"n":${index}}`)
      expect(isLowS(jose.subarray(32))).toBe(true)
      if (!der.subarray(-32).equals(jose.subarray(32))) seen.high++
      if (jose[0] === 0 || jose[32] === 0) seen.short++
    }
    expect(seen.high).toBeGreaterThan(800)
    expect(seen.short).toBeGreaterThan(0)
  })
})
