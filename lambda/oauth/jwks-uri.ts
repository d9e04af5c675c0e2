import { isIP } from 'node:net'
import { isPublicAddress } from './public-address.ts'

/** The longest `jwks_uri`, in characters. */
export const maxJwksUriLength = 512

/**
 * Whether a text may be a client's `jwks_uri` (RFC 7591 §2): an https URL in the spelling that a URL parser leaves
 * alone, without a port, user or fragment, whose host is a name of the public DNS or a public address. What the name
 * stands for is checked when it is connected to.
 *
 * @param allowOrigin an origin that may have any scheme, host and port: for the local run; undefined = none
 */
export function isJwksUri(text: string, allowOrigin: string | undefined): boolean {
  if (text.length > maxJwksUriLength || !/^[\x21-\x7e]+$/.test(text)) return false
  if (/["<>\\^`{|}#]|%(?![0-9A-Fa-f]{2})/.test(text) || !URL.canParse(text)) return false
  const url = new URL(text)
  if (url.href !== text || url.username !== '' || url.password !== '') return false
  if (isExempt(url, allowOrigin)) return true
  return url.protocol === 'https:' && url.port === '' && isPublicHost(hostOf(url))
}

/** Whether a URL is of the one origin that the rules do not hold for. */
export function isExempt(url: URL, allowOrigin: string | undefined): boolean {
  // Other schemes have the origin "null".
  return /^https?:$/.test(url.protocol) && url.origin === allowOrigin
}

/** A URL's host as it is looked up or connected to: an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

/** A name has at least two labels (so `localhost` is none), and no dot at its end. */
function isPublicHost(host: string): boolean {
  if (isIP(host) !== 0) return isPublicAddress(host)
  return (
    host.length <= 253 && /^([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}$/.test(host) && !/\.localhost$/.test(host)
  )
}
