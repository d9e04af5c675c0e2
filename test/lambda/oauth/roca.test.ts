import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hasRocaFingerprint } from '../../../lambda/oauth/roca.ts'
import { bitLength, primesUpTo, rocaModulus } from './support/roca-modulus.ts'

/** The product of the primes that the fingerprint is looked for in. */
const product = primesUpTo(167).reduce((all, prime) => all * prime, 1n)

describe('the fingerprint of CVE-2017-15361', () => {
  it('is in a modulus of primes k·M + (65537^a mod M)', () => {
    const modulus = rocaModulus()
    expect(bitLength(modulus)).toBe(2048)
    expect(hasRocaFingerprint(modulus)).toBe(true)
  })

  it('is in every power of 65537, whatever is added in multiples of M', () => {
    for (let exponent = 0n; exponent < 20n; exponent++) {
      expect(hasRocaFingerprint(65537n ** exponent + exponent * product)).toBe(true)
    }
  })

  it('is in no modulus that Node makes', () => {
    for (let made = 0; made < 3; made++) {
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
      const { n = '' } = publicKey.export({ format: 'jwk' })
      expect(hasRocaFingerprint(BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`))).toBe(false)
    }
  })

  it('is gone where the exponents modulo two primes cannot be one number', () => {
    // 65537 is 2 modulo 3 (of order 2) and modulo 5 (of order 4): 1 asks for an even exponent, 2 for an odd one.
    expect(hasRocaFingerprint(oneBut(5n, 2n))).toBe(false)
    expect(hasRocaFingerprint(oneBut(5n, 1n))).toBe(true)
  })

  it('is gone where the modulus is no power of 65537 modulo a single prime', () => {
    // Modulo 11, 65537 is 10: its powers are 1 and 10.
    const residues = [...Array(11).keys()].filter(residue => hasRocaFingerprint(oneBut(11n, BigInt(residue))))
    expect(residues).toEqual([1])
  })
})

/** The number below M that has this residue modulo one prime, and 1 modulo every other. */
function oneBut(prime: bigint, residue: bigint): bigint {
  let number = 1n
  while (number % prime !== residue) number += product / prime
  return number
}
