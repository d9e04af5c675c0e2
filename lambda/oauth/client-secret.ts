import { createHash, timingSafeEqual } from 'node:crypto'

/** Secrets are made by us: a prefix that secret scanners recognise, 256 random bits and a checksum. */
const prefix = 'ctsn_'
const checksumLength = 6

/** No longer text is hashed; a generated secret has 54 characters. */
const maxSecretBytes = 256

/** At most this many secrets of a client are live at a time, so that one can be replaced without a gap. */
export const maxLiveSecrets = 2

/** A secret as it is stored: never its text. */
export interface ClientSecret {
  readonly secretId: string
  /** SHA-256 of the secret's UTF-8 text. Enough, as the secret is not guessable. */
  readonly digest: Uint8Array
  readonly createdAt: number
  /** Epoch seconds; undefined = never. */
  readonly expiresAt: number | undefined
}

/** Whether a text is one of our secrets by its looks: what scanners recognise too. */
export function looksLikeSecret(text: string): boolean {
  return text.startsWith(prefix)
}

/**
 * Makes a secret's text from 32 random bytes: `ctsn_`, 43 base64url characters, a 6-character checksum.
 */
export function formatSecret(random: Uint8Array): string {
  const body = Buffer.from(random).toString('base64url')
  return prefix + body + checksum(body)
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, checksumLength)
}

export function digestSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** What a presented secret is compared with where a stored one is missing: nothing ever matches. */
const decoySecret: ClientSecret = {
  secretId: 'none',
  digest: new Uint8Array(32),
  createdAt: 0,
  expiresAt: undefined,
}

export type SecretMatch =
  | { readonly match: 'live'; readonly secret: ClientSecret }
  | { readonly match: 'expired' | 'none' }

/**
 * Finds the stored secret that was presented. Every digest is compared, in constant time each, whatever matched before,
 * and as many as a client may have, so that time tells neither whether there is a client nor how many secrets it has. A
 * secret is live until the second in which it expires.
 */
export function matchSecret(
  presented: string,
  stored: readonly ClientSecret[],
  nowSeconds: number,
): SecretMatch {
  const tooLong = Buffer.byteLength(presented) > maxSecretBytes
  const digest = digestSecret(tooLong ? '' : presented)
  let found: ClientSecret | undefined
  const missing = Array.from({ length: Math.max(0, maxLiveSecrets - stored.length) }, () => decoySecret)
  for (const secret of [...stored, ...missing]) {
    const equal = secret.digest.length === digest.length && timingSafeEqual(secret.digest, digest)
    if (equal && !tooLong) found = secret
  }
  if (found === undefined || found === decoySecret) return { match: 'none' }
  return found.expiresAt !== undefined && found.expiresAt <= nowSeconds
    ? { match: 'expired' }
    : { match: 'live', secret: found }
}
