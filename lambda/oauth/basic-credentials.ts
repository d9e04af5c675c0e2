import { formDecode } from './form.ts'

export interface BasicCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

/**
 * Parses an `Authorization: Basic` header as OAuth has it: base64 of `id:secret`, each form-encoded before
 * (RFC 6749 §2.3.1, RFC 7617 §2). Split at the first colon; the secret may contain others.
 *
 * @returns 'malformed' when the scheme, the base64 or the shape is off; 'malformed-escape' when only the form-encoding is
 */
export function parseBasicCredentials(header: string): BasicCredentials | 'malformed' | 'malformed-escape' {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1]
  if (encoded === undefined) return 'malformed'
  const bytes = Buffer.from(encoded, 'base64')
  const text = bytes.toString('utf8')
  if (bytes.toString('base64') !== encoded || !Buffer.from(text).equals(bytes)) return 'malformed'
  const colon = text.indexOf(':')
  if (colon < 0) return 'malformed'
  const clientId = formDecode(text.slice(0, colon))
  const clientSecret = formDecode(text.slice(colon + 1))
  if (clientId === undefined || clientSecret === undefined) return 'malformed-escape'
  // A control character in a credential can only be an attempt at injection.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (clientId === '' || clientSecret === '' || /[\x00-\x1f\x7f]/.test(clientId + clientSecret))
    return 'malformed'
  return { clientId, clientSecret }
}
