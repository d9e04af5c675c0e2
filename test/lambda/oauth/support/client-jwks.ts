import { generateKeyPairSync } from 'node:crypto'
import { primesUpTo } from './roca-modulus.ts'

export type Jwk = Record<string, unknown>

/** Public keys made now, without `kid`, `alg` or `use`. */
export function ecJwk(namedCurve = 'P-256'): Jwk {
  return { ...generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' }) }
}

export function ed25519Jwk(): Jwk {
  return { ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) }
}

export function rsaJwk(modulusLength = 2048): Jwk {
  return { ...generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }) }
}

/** An RSA key of a number that nobody knows the factors of: as good as any where only its form counts. */
export function rsaJwkOf(modulus: bigint): Jwk {
  return { kty: 'RSA', e: 'AQAB', n: base64url(modulus) }
}

/** The least number of so many bits that has no prime factor below 2000. */
export function roughNumber(bits: number): bigint {
  const primes = primesUpTo(2000)
  let number = 2n ** BigInt(bits - 1) + 1n
  while (primes.some(prime => number % prime === 0n)) number += 2n
  return number
}

/** A number in base64url, big-endian, with as many octets as it needs or as are given. */
export function base64url(number: bigint, octets = Math.ceil(number.toString(16).length / 2)): string {
  return Buffer.from(number.toString(16).padStart(octets * 2, '0'), 'hex').toString('base64url')
}
