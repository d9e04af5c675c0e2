import type { ClientMetadata } from './client-metadata.ts'

/** A secret as administration sees it: everything but its digest, which only client authentication reads. */
export interface SecretRecord {
  readonly secretId: string
  /** Epoch seconds. */
  readonly createdAt: number
  /** Epoch seconds; undefined = never. */
  readonly expiresAt: number | undefined
}

/** A client as administration sees and changes it. Times are epoch seconds. */
export interface ClientRecord extends ClientMetadata {
  readonly clientId: string
  readonly status: 'active' | 'disabled' | 'deleted'
  /** Raised by every change; an update names the one it was made on. */
  readonly version: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly tokensRevokedUpTo: number
  readonly secrets: readonly SecretRecord[]
}

export function liveSecrets(client: ClientRecord, nowSeconds: number): readonly SecretRecord[] {
  return client.secrets.filter(secret => secret.expiresAt === undefined || secret.expiresAt > nowSeconds)
}
