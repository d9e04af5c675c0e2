// P-256 (NIST SP 800-186 §3.2.1.3): y² = x³ - 3x + b over the field of p.
const p256 = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const p256B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn

// Curve25519 in the form of Edwards (RFC 8032 §5.1): -x² + y² = 1 + d·x²·y².
const p25519 = 2n ** 255n - 19n
const edwardsD = 37095705934669439343138083508754565189542113879843219016388785533085940283555n

/**
 * The y of the eight points whose order divides 8; with either sign of x they are every encoding of them. With such a
 * key, one signature is valid for any message.
 */
const smallOrderY = new Set([
  0n,
  1n,
  p25519 - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
])

/** Whether two coordinates, big-endian, are a point of P-256 in the one spelling that coordinates have. */
export function isP256Point(xOctets: Uint8Array, yOctets: Uint8Array): boolean {
  const x = toInteger(xOctets)
  const y = toInteger(yOctets)
  return x < p256 && y < p256 && (y * y - (x * x * x - 3n * x + p256B)) % p256 === 0n
}

/** Whether 32 octets are an Ed25519 public key (RFC 8032 §5.1.3) in its one spelling, and of no small order. */
export function isEd25519Key(octets: Uint8Array): boolean {
  const y = toInteger(Uint8Array.from(octets).reverse()) & (2n ** 255n - 1n)
  if (y >= p25519 || smallOrderY.has(y)) return false
  const y2 = (y * y) % p25519
  // x² = (y² - 1) / (d·y² + 1) has a root when the product of the two does.
  return isSquare((y2 - 1n) * (edwardsD * y2 + 1n))
}

/** Euler's criterion; the number is no multiple of p25519. */
function isSquare(number: bigint): boolean {
  let result = 1n
  let base = number % p25519
  for (let exponent = (p25519 - 1n) / 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % p25519
    base = (base * base) % p25519
  }
  return (result - 1n) % p25519 === 0n
}

function toInteger(octets: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`)
}
