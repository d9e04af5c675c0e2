import type { ClientMetadata } from './client-metadata.ts'

/** A secret as administration sees it: everything but its digest, which only client authentication reads. */
export interface SecretRecord {
  readonly secretId: string
  /** Epoch seconds. */
  readonly createdAt: number
  /** Epoch seconds; undefined = never. */
  readonly expiresAt: number | undefined
}

/** Where the secret of a declared client is kept, and how long an older one works beside a new one. */
export interface DeclaredSecret {
  readonly arn: string
  readonly overlapSeconds: number
}

/** What a CDK app that declares a client says beside its metadata. */
export interface Declaration {
  /** Undefined for a client that authenticates with a key of its own. */
  readonly secret: DeclaredSecret | undefined
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
  /** Present as long as an app declares the client. */
  readonly declaration?: Declaration | undefined
}

export function liveSecrets(client: ClientRecord, nowSeconds: number): readonly SecretRecord[] {
  return client.secrets.filter(secret => secret.expiresAt === undefined || secret.expiresAt > nowSeconds)
}
