import { hasRocaFingerprint } from './roca.ts'

const minModulusBits = 2048
const maxModulusBits = 4096

/** Every odd prime below this is tried as a factor. */
const trialDivisionLimit = 2000

/** Made by the first RSA key. */
let smallOddPrimes: readonly bigint[] | undefined

/**
 * What is wrong with an RSA modulus, undefined where nothing is found: 2048 bits at least (RFC 7518 §3.3), 4096 at most,
 * no small factor, not made by the key generator of CVE-2017-15361.
 *
 * @param octets big-endian, without leading zeros
 */
export function modulusProblem(octets: Uint8Array): string | undefined {
  const bits = octets.length * 8 - (Math.clz32(octets[0] ?? 0) - 24)
  if (bits < minModulusBits || bits > maxModulusBits) {
    return `has an RSA modulus that is not of ${minModulusBits} to ${maxModulusBits} bits`
  }
  smallOddPrimes ??= oddPrimesBelow(trialDivisionLimit)
  const modulus = BigInt(`0x${Buffer.from(octets).toString('hex')}`)
  if (modulus % 2n === 0n || smallOddPrimes.some(prime => modulus % prime === 0n)) {
    return 'has an RSA modulus with a small factor'
  }
  return hasRocaFingerprint(modulus)
    ? 'has an RSA modulus of a vulnerable key generator (CVE-2017-15361): make a new key'
    : undefined
}

function oddPrimesBelow(limit: number): readonly bigint[] {
  const primes: number[] = []
  for (let candidate = 3; candidate < limit; candidate += 2) {
    if (primes.every(prime => candidate % prime !== 0)) primes.push(candidate)
  }
  return primes.map(BigInt)
}
