import { createHash } from 'node:crypto'

export type HashName = 'sha256' | 'sha384' | 'sha512'

/** Octets in a digest. */
export const digestLengths: Record<HashName, number> = { sha256: 32, sha384: 48, sha512: 64 }

export function hashOf(hash: HashName, ...parts: Buffer[]): Buffer {
  const digest = createHash(hash)
  for (const part of parts) digest.update(part)
  return digest.digest()
}
