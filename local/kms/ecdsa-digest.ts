// ECDSA over a digest that was made elsewhere (FIPS 186-4 §6.4). node:crypto always hashes what it signs
// (`sign(null, ...)` falls back to a default hash), so here it gives only the random point k·G, and the rest
// is arithmetic modulo the order of the curve.
import { createECDH, type KeyObject } from 'node:crypto'
import { add, type Curve, curves, invert, modulo, multiply, multiplyGenerator } from './elliptic-curve.ts'

/** A DER signature. Like KMS's, its s may be high or low. */
export function signDigestWithEcdsa(digest: Buffer, privateKey: KeyObject): Buffer {
  const curve = curveOf(privateKey)
  const d = coordinate(privateKey, 'd')
  for (;;) {
    const nonce = createECDH(curve.ecdhName)
    const point = nonce.generateKeys()
    const r = modulo(toInteger(point.subarray(1, 1 + (point.length - 1) / 2)), curve.n)
    const k = toInteger(nonce.getPrivateKey())
    const s = modulo(invert(k, curve.n) * (digestInteger(digest) + r * d), curve.n)
    if (r !== 0n && s !== 0n) return derSequence(r, s)
  }
}

export function verifyDigestWithEcdsa(digest: Buffer, publicKey: KeyObject, signature: Buffer): boolean {
  const curve = curveOf(publicKey)
  const parsed = parseDerSequence(signature)
  if (parsed === undefined) return false
  const { r, s } = parsed
  if (r <= 0n || r >= curve.n || s <= 0n || s >= curve.n) return false
  const w = invert(s, curve.n)
  const q = { x: coordinate(publicKey, 'x'), y: coordinate(publicKey, 'y') }
  const left = multiplyGenerator(curve, modulo(digestInteger(digest) * w, curve.n))
  const point = add(curve, left, multiply(curve, modulo(r * w, curve.n), q))
  return point !== undefined && modulo(point.x, curve.n) === r
}

/** Each algorithm of KMS pairs a curve with a hash that is no longer than its order: nothing is cut off. */
function digestInteger(digest: Buffer): bigint {
  return toInteger(digest)
}

function curveOf(key: KeyObject): Curve {
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (curve === undefined) throw new TypeError('the key is on no curve that KMS signs with')
  return curve
}

function coordinate(key: KeyObject, name: 'd' | 'x' | 'y'): bigint {
  return toInteger(Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url'))
}

function toInteger(octets: Buffer): bigint {
  return BigInt(`0x${octets.toString('hex') || '0'}`)
}

function derSequence(...values: bigint[]): Buffer {
  const body = Buffer.concat(values.map(derInteger))
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length]
  return Buffer.concat([Buffer.from([0x30, ...length]), body])
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16)
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  const sign = (octets[0] ?? 0) >= 0x80 ? [0] : []
  return Buffer.from([0x02, octets.length + sign.length, ...sign, ...octets])
}

/** Only the one DER encoding of the pair is accepted: what is read must be what would be written. */
function parseDerSequence(signature: Buffer): { r: bigint; s: bigint } | undefined {
  let at = signature[1] === 0x81 ? 3 : 2
  const values: bigint[] = []
  for (let index = 0; index < 2; index++) {
    const length = signature[at + 1] ?? 0
    values.push(toInteger(signature.subarray(at + 2, at + 2 + length)))
    at += 2 + length
  }
  const [r = 0n, s = 0n] = values
  return derSequence(r, s).equals(signature) ? { r, s } : undefined
}
