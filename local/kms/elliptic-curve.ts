// The little curve arithmetic that ECDSA over a ready-made digest needs. It is not constant-time: these
// keys protect nothing but a local run.

import { createECDH } from 'node:crypto'

/** A point of the curve; undefined is the point at infinity. */
export type Point = { x: bigint; y: bigint } | undefined

export interface Curve {
  /** Its name in node:crypto's ECDH. */
  ecdhName: string
  /** The field's prime. */
  p: bigint
  /** The order of the generator. */
  n: bigint
}

/** By the names OpenSSL gives the curves (FIPS 186-4 D.1.2); all three have a = -3. */
export const curves: Record<string, Curve> = {
  prime256v1: {
    ecdhName: 'prime256v1',
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  secp384r1: {
    ecdhName: 'secp384r1',
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  secp521r1: {
    ecdhName: 'secp521r1',
    p: 2n ** 521n - 1n,
    n: 2n ** 521n - 0x5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7n,
  },
}

export function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus
  return rest < 0n ? rest + modulus : rest
}

/** The inverse of `value`, which must not be a multiple of the prime `modulus`. */
export function invert(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [modulo(value, modulus), modulus, 1n, 0n]
  while (a > 1n) {
    const quotient = b / a
    ;[a, b] = [b - quotient * a, a]
    ;[x, y] = [y - quotient * x, x]
  }
  return modulo(x, modulus)
}

export function add(curve: Curve, a: Point, b: Point): Point {
  if (a === undefined) return b
  if (b === undefined) return a
  if (a.x === b.x && modulo(a.y + b.y, curve.p) === 0n) return undefined
  const slope =
    a.x === b.x ? (3n * a.x * a.x - 3n) * invert(2n * a.y, curve.p) : (b.y - a.y) * invert(b.x - a.x, curve.p)
  const x = modulo(slope * slope - a.x - b.x, curve.p)
  return { x, y: modulo(slope * (a.x - x) - a.y, curve.p) }
}

export function multiply(curve: Curve, factor: bigint, point: Point): Point {
  let result: Point
  let power = point
  for (let rest = factor; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(curve, result, power)
    power = add(curve, power, power)
  }
  return result
}

/** As `multiply` of the generator, which OpenSSL can do. */
export function multiplyGenerator(curve: Curve, factor: bigint): Point {
  if (factor === 0n) return undefined
  const ecdh = createECDH(curve.ecdhName)
  const size = Math.ceil(curve.n.toString(16).length / 2)
  ecdh.setPrivateKey(factor.toString(16).padStart(size * 2, '0'), 'hex')
  const point = ecdh.getPublicKey('hex', 'uncompressed').slice(2)
  const half = point.length / 2
  return { x: BigInt(`0x${point.slice(0, half)}`), y: BigInt(`0x${point.slice(half)}`) }
}
