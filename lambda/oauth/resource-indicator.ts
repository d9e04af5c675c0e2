/** The longest resource indicator, in characters; it becomes the token's `aud`. */
export const maxResourceLength = 512

/**
 * Whether a text is a resource indicator: an absolute URI without a fragment (RFC 8707 §2), in printable ASCII and
 * in the spelling that a URL parser leaves alone, since audiences are compared as strings (RFC 7519 §4.1.3).
 */
export function isResourceIndicator(text: string): boolean {
  if (text.length > maxResourceLength || !/^[\x21-\x7e]+$/.test(text) || /["<>\\^`{|}#]/.test(text))
    return false
  if (/^(javascript|data|vbscript|file|blob):/.test(text) || !URL.canParse(text)) return false
  // The parser writes an empty path as a slash, which an audience without one does not have.
  const { href, username, password } = new URL(text)
  if (username !== '' || password !== '' || /%(?![0-9A-Fa-f]{2})/.test(text)) return false
  return href === text || href === `${text}/`
}
