import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isEd25519Key, isP256Point } from '../../../lambda/oauth/curve-points.ts'

describe('a P-256 public key', () => {
  it('has coordinates in their one spelling: y + p, which fits into 32 octets too, is none', () => {
    const p256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
    const x = 'd7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7'
    const isPoint = (y: bigint) =>
      isP256Point(Buffer.from(x, 'hex'), Buffer.from(y.toString(16).padStart(64, '0'), 'hex'))
    expect([5n, p256 - 5n, 6n, 5n + p256].map(isPoint)).toEqual([true, true, false, false])
  })
})

const prime = 2n ** 255n - 19n
const signBit = 2n ** 255n

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = (square * square) % prime) {
    if (left & 1n) result = (result * square) % prime
  }
  return result
}

const modulo = (number: bigint) => ((number % prime) + prime) % prime
const inverse = (number: bigint) => power(modulo(number), prime - 2n)
const d = modulo(-121665n * inverse(121666n))
type Point = readonly [x: bigint, y: bigint]

/** The point of an encoding (RFC 8032 §5.1.3), undefined where it has none. */
function decompress(encoding: bigint): Point | undefined {
  const y = encoding & (signBit - 1n)
  const x2 = modulo((y * y - 1n) * inverse(d * y * y + 1n))
  const candidate = power(x2, (prime + 3n) / 8n)
  const root = [candidate, modulo(candidate * power(2n, (prime - 1n) / 4n))].find(x => modulo(x * x) === x2)
  if (root === undefined) return undefined
  return [root % 2n === encoding >> 255n ? root : modulo(-root), modulo(y)]
}

function double([x, y]: Point): Point {
  const t = modulo(d * x * x * y * y)
  return [modulo(2n * x * y * inverse(1n + t)), modulo((y * y + x * x) * inverse(1n - t))]
}

/** Whether eight times the point is the neutral element. */
function isOfSmallOrder(point: Point): boolean {
  const [x, y] = double(double(double(point)))
  return x === 0n && y === 1n
}

const octets = (encoding: bigint) => Buffer.from(encoding.toString(16).padStart(64, '0'), 'hex').reverse()

describe('an Ed25519 public key', () => {
  it('is what Node makes (RFC 8032 §5.1.5)', () => {
    for (let made = 0; made < 10; made++) {
      const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
      expect(isEd25519Key(Buffer.from(x, 'base64url'))).toBe(true)
    }
  })

  it('is none of the encodings of points whose order divides 8 (RFC 8032 §5.1.7)', () => {
    // The roots of the equations that doubling gives: order 1 and 2 have x = 0, order 4 has y = 0, order 8 has x² = -y².
    const eighth = [
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    ].map(hex => BigInt(`0x${Buffer.from(hex, 'hex').reverse().toString('hex')}`))
    const encodings = [0n, 1n, prime - 1n, ...eighth].flatMap(y => [y, y + signBit])
    for (const encoding of encodings) {
      const point = decompress(encoding)
      expect(point && isOfSmallOrder(point)).toBe(true)
      expect(isEd25519Key(octets(encoding))).toBe(false)
    }
    const points = encodings.map(decompress).map(point => String(point))
    expect(new Set(points).size).toBe(8)
  })

  it('is no encoding with a y of the field’s prime or more (RFC 8032 §5.1.3)', () => {
    for (let y = prime; y < signBit; y++) {
      expect(isEd25519Key(octets(y))).toBe(false)
      expect(isEd25519Key(octets(y + signBit))).toBe(false)
    }
  })

  it('is a point, and only a point, of the curve (RFC 8032 §5.1.3)', () => {
    const encodings = Array.from({ length: 40 }, (_, index) => BigInt(index + 2))
    const isPoint = encodings.map(encoding => decompress(encoding) !== undefined)
    expect(encodings.map(encoding => isEd25519Key(octets(encoding)))).toEqual(isPoint)
    expect(isPoint).toContain(false)
    expect(isPoint).toContain(true)
  })
})
