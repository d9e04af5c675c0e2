/** The order n of P-256, and n/2: of the two valid signatures (r, s) and (r, n-s) only the one with s <= n/2 is ours. */
const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const halfOrder = Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex')

const coordinateLength = 32

/**
 * Converts a DER-encoded ECDSA P-256 signature, as KMS returns it, to the 64 octets R || S of JWS (RFC 7518 §3.4),
 * each left-padded, with S brought to its low form.
 *
 * @returns undefined when the text is not exactly one such signature
 */
export function derToJoseLowS(der: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(der)
  if (bytes[0] !== 0x30 || bytes[1] !== bytes.length - 2) return undefined
  const r = readInteger(bytes, 2)
  if (r === undefined) return undefined
  const s = readInteger(bytes, r.end)
  if (s === undefined || s.end !== bytes.length) return undefined
  return Buffer.concat([r.value, isLowS(s.value) ? s.value : subtractFromOrder(s.value)])
}

function readInteger(bytes: Buffer, start: number): { value: Buffer; end: number } | undefined {
  const length = bytes[start + 1]
  if (bytes[start] !== 0x02 || length === undefined || length === 0) return undefined
  const end = start + 2 + length
  if (end > bytes.length) return undefined
  let digits = bytes.subarray(start + 2, end)
  if (digits[0] === 0 && digits.length > 1) digits = digits.subarray(1)
  if (digits.length > coordinateLength) return undefined
  const value = Buffer.alloc(coordinateLength)
  digits.copy(value, coordinateLength - digits.length)
  return { value, end }
}

/** Whether S, 32 octets, is in its low form. */
export function isLowS(s: Uint8Array): boolean {
  return Buffer.compare(s, halfOrder) <= 0
}

function subtractFromOrder(s: Buffer): Buffer {
  const result = Buffer.alloc(coordinateLength)
  let borrow = 0
  for (let index = coordinateLength - 1; index >= 0; index--) {
    const difference = (order[index] ?? 0) - (s[index] ?? 0) - borrow
    result[index] = difference & 0xff
    borrow = difference < 0 ? 1 : 0
  }
  return result
}

/** Converts R || S to DER, for verification with a bare key object (faster than `dsaEncoding` on current Node). */
export function joseToDer(signature: Uint8Array): Buffer {
  const r = derInteger(signature.subarray(0, coordinateLength))
  const s = derInteger(signature.subarray(coordinateLength))
  return Buffer.concat([Buffer.from([0x30, r.length + s.length]), r, s])
}

function derInteger(coordinate: Uint8Array): Buffer {
  let start = 0
  while (start < coordinateLength - 1 && coordinate[start] === 0) start++
  const digits = coordinate.subarray(start)
  const pad = (digits[0] ?? 0) >= 0x80 ? [0] : []
  return Buffer.from([0x02, digits.length + pad.length, ...pad, ...digits])
}
