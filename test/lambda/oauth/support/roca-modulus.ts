import { checkPrimeSync, randomBytes } from 'node:crypto'

/** The product of the primes up to 701: what the vulnerable generator used for moduli of 1984 to 3967 bits. */
const product = primesUpTo(701).reduce((all, prime) => all * prime, 1n)

/** A 2048-bit modulus of two primes made as the generator of CVE-2017-15361 makes them. */
export function rocaModulus(): bigint {
  return rocaPrime() * rocaPrime()
}

/** A prime k·M + (65537^a mod M) of 1024 bits, its first two set: the product of two has 2048. */
function rocaPrime(): bigint {
  const residue = power(65537n, random(128), product)
  const least = (3n * 2n ** 1022n) / product
  for (;;) {
    const candidate = (least + random(6)) * product + residue
    if (checkPrimeSync(candidate)) return candidate
  }
}

export function bitLength(number: bigint): number {
  return number.toString(2).length
}

function random(octets: number): bigint {
  return BigInt(`0x${randomBytes(octets).toString('hex')}`)
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = (square * square) % modulus) {
    if (left & 1n) result = (result * square) % modulus
  }
  return result
}

export function primesUpTo(limit: number): bigint[] {
  const primes: number[] = []
  for (let candidate = 2; candidate <= limit; candidate++) {
    if (primes.every(prime => candidate % prime !== 0)) primes.push(candidate)
  }
  return primes.map(BigInt)
}
