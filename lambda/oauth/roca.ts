/** The primes that every vulnerable prime was built from, 2 left out: the first 39 divide the product M of all sizes. */
const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
]
const generator = 65537

/** An exponent that is known up to multiples of a number. */
interface Logarithm {
  readonly exponent: number
  readonly order: number
}

/**
 * Whether an RSA modulus has the fingerprint of CVE-2017-15361 (ROCA): its primes were made as k·M + (65537^a mod M)
 * with M a product of the first primes, so that the modulus itself is a power of 65537 modulo M, and it can be
 * factored. M. Nemec, M. Sys, P. Svenda, D. Klinec, V. Matyas: "The Return of Coppersmith's Attack: Practical
 * Factorization of Widely Used RSA Moduli", ACM CCS 2017. A modulus made otherwise has it with probability below 2^-150.
 */
export function hasRocaFingerprint(modulus: bigint): boolean {
  const logarithms: Logarithm[] = []
  for (const prime of primes) {
    const logarithm = logarithmOf(Number(modulus % BigInt(prime)), prime)
    if (logarithm === undefined || !logarithms.every(other => agree(other, logarithm))) return false
    logarithms.push(logarithm)
  }
  // Exponents that agree in pairs come from one exponent (Chinese remainder theorem).
  return true
}

/** The exponent that takes 65537 to a residue, undefined where there is none. The numbers are small: all are tried. */
function logarithmOf(residue: number, prime: number): Logarithm | undefined {
  let exponent: number | undefined
  let power = 1
  let order = 0
  do {
    if (power === residue) exponent = order
    power = (power * generator) % prime
    order++
  } while (power !== 1)
  return exponent === undefined ? undefined : { exponent, order }
}

function agree(one: Logarithm, other: Logarithm): boolean {
  return (one.exponent - other.exponent) % greatestCommonDivisor(one.order, other.order) === 0
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
