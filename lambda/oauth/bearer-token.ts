export type BearerRefusal = 'credentials_missing' | 'scheme_unsupported' | 'credentials_malformed'

/**
 * Takes the token from an `Authorization` header (RFC 6750 §2.1): `Bearer`, exactly one space, one b64token. Repeated
 * headers arrive joined with a comma, which no token contains.
 */
export function parseBearerToken(
  authorization: string | undefined,
): { readonly token: string } | BearerRefusal {
  if (authorization === undefined || authorization === '') return 'credentials_missing'
  if (!/^bearer(?![A-Za-z0-9!#$%&'*+.^_`|~-])/i.test(authorization)) return 'scheme_unsupported'
  const token = authorization.slice('Bearer '.length)
  const wellFormed = authorization.charCodeAt(6) === 0x20 && /^[A-Za-z0-9._~+/-]+=*$/.test(token)
  return wellFormed ? { token } : 'credentials_malformed'
}
