/** A JWS that somebody else made. Nothing in it is verified yet. */
export interface Jws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** What the signature is over: the first two segments as they came. */
  readonly signingInput: string
  readonly signature: Buffer
}

/**
 * Parses a JWS in compact serialisation (RFC 7515 §7.1) whose payload is a JSON object: three non-empty segments of
 * canonical base64url (RFC 4648 §3.5), strict JSON in the first two. Other software wrote it, so unlike our own tokens
 * it may have white space and any order and escapes; what is ambiguous is refused.
 */
export function parseJws(text: string): Jws | undefined {
  const [protectedHeader = '', encodedPayload = '', encodedSignature = '', ...others] = text.split('.', 4)
  if (others.length > 0) return undefined
  const header = parseSegment(protectedHeader)
  const payload = parseSegment(encodedPayload)
  const signature = decodeCanonical(encodedSignature)
  if (header === undefined || payload === undefined || signature === undefined) return undefined
  return { header, payload, signingInput: `${protectedHeader}.${encodedPayload}`, signature }
}

function parseSegment(segment: string): Record<string, unknown> | undefined {
  const bytes = decodeCanonical(segment)
  const text = bytes?.toString('utf8') ?? ''
  // A BOM would be dropped by some and kept by others; bytes that are no UTF-8 come back as others.
  return bytes !== undefined && Buffer.from(text).equals(bytes) ? parseStrictObject(text) : undefined
}

function decodeCanonical(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url')
  return segment !== '' && bytes.toString('base64url') === segment ? bytes : undefined
}

const jsonToken = /"(?:[^"\\]|\\.)*"|[-+.\w]+|[[\]{}:,]|\s+|./gs

/**
 * Parses a JSON object that every parser reads alike: written again without white space and with each token in its
 * normal spelling it is what `JSON.stringify` makes of the value. A repeated member, a number beyond a double and a
 * lone surrogate are not (RFC 8259 §4, §6, §8.2).
 */
function parseStrictObject(text: string): Record<string, unknown> | undefined {
  let value: unknown
  let normal: string
  try {
    value = JSON.parse(text)
    normal = text.replace(jsonToken, normalToken)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return JSON.stringify(value) === normal && !normal.includes('\\ud')
    ? (value as Record<string, unknown>)
    : undefined
}

function normalToken(token: string): string {
  if (/^\s/.test(token)) return ''
  if (token.startsWith('"')) return JSON.stringify(JSON.parse(token))
  return /^[-\d]/.test(token) ? String(Number(token)) : token
}
