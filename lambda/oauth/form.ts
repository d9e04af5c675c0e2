import type { HttpRequest } from './http.ts'
import { OAuthError } from './oauth-error.ts'

/** The limits of a request body: bytes after base64 decoding, and parameters. */
export const maxBodyBytes = 16_384
export const maxParameters = 64

/** The parameters of a form: no name twice; a parameter without a value is left out (RFC 6749 §3.2). */
export type Form = ReadonlyMap<string, string>

/**
 * Parses the POST body of an OAuth endpoint (RFC 6749 §3.2 and Appendix B). Stricter than WHATWG's parser, which
 * never fails: malformed escapes, invalid UTF-8 and NUL are refused.
 *
 * @throws OAuthError for the method, a query string, the content type, the size, the encoding, a repeated parameter
 */
export function parseForm(request: HttpRequest): Form {
  if (request.method !== 'POST') throw new OAuthError('method_not_allowed')
  if (request.rawQueryString !== '') throw new OAuthError('query_not_allowed')
  if (!isFormContentType(request.headers['content-type'])) throw new OAuthError('content_type_unsupported')
  return parseParameters(bodyText(request))
}

function isFormContentType(header: string | undefined): boolean {
  // Parameters such as charset carry no meaning for this type; a comma means that the header came twice.
  return header !== undefined && /^application\/x-www-form-urlencoded[ \t]*(;[^,]*)?$/i.test(header.trim())
}

function bodyText({ body = '', isBase64Encoded }: HttpRequest): string {
  if (!isBase64Encoded) {
    if (Buffer.byteLength(body) > maxBodyBytes) throw new OAuthError('body_too_large')
    if (!body.isWellFormed()) throw new OAuthError('body_encoding_invalid')
    return body
  }
  if (body.length > Math.ceil(maxBodyBytes / 3) * 4) throw new OAuthError('body_too_large')
  const bytes = Buffer.from(body, 'base64')
  if (bytes.toString('base64') !== body) throw new OAuthError('body_encoding_invalid')
  if (bytes.length > maxBodyBytes) throw new OAuthError('body_too_large')
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) throw new OAuthError('body_encoding_invalid')
  return text
}

function parseParameters(text: string): Form {
  const form = new Map<string, string>()
  if (text === '') return form
  const pairs = text.split('&', maxParameters + 1)
  if (pairs.length > maxParameters) throw new OAuthError('too_many_parameters')
  const seen = new Set<string>()
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = formDecode(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : formDecode(pair.slice(equals + 1))
    if (name === undefined || value === undefined) throw new OAuthError('parameter_malformed')
    if (seen.has(name)) throw new OAuthError(name === 'resource' ? 'resource_repeated' : 'parameter_repeated')
    seen.add(name)
    if (value !== '') form.set(name, value)
  }
  return form
}

/**
 * Decodes application/x-www-form-urlencoded text (RFC 6749 Appendix B).
 *
 * @returns undefined for a malformed escape, bytes that are not UTF-8, or a NUL
 */
export function formDecode(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text.includes('\0') ? undefined : text
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    return decoded.includes('\0') ? undefined : decoded
  } catch {
    return undefined
  }
}
