import { describe, expect, it } from 'vitest'
import { modulusProblem } from '../../../lambda/oauth/rsa-modulus.ts'
import { primesUpTo } from './support/roca-modulus.ts'

const octets = (number: bigint) => {
  const hex = number.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

describe('an RSA modulus', () => {
  it('has no prime below 2000 as a factor; the next ones are not looked for', () => {
    const primes = primesUpTo(2100)
    // Two more than a multiple of every odd one, of some 2900 bits.
    const rough = primes.slice(1).reduce((all, prime) => all * prime, 1n) + 2n
    const hasFactor = (prime: bigint) =>
      modulusProblem(octets(rough * prime)) === 'has an RSA modulus with a small factor'
    expect(primes.filter(prime => !hasFactor(prime))).toEqual(primes.filter(prime => prime > 2000n))
    expect(modulusProblem(octets(rough))).toBe(undefined)
  })
})
