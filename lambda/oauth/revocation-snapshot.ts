import type { RevocableToken, Revocation } from './revocation.ts'

interface UpTo {
  readonly revokedUpTo: number
  readonly expiresAt: number
}

/** Every revocation that can still match a live token, in memory. Records are only ever added: it never goes back. */
export class RevocationSnapshot {
  readonly #tokens = new Map<string, number>()
  readonly #clients = new Map<string, UpTo>()
  readonly #keys = new Map<string, number>()
  #all: UpTo = { revokedUpTo: 0, expiresAt: 0 }

  add(revocation: Revocation): void {
    switch (revocation.kind) {
      case 'jti':
        this.#tokens.set(
          revocation.jti,
          Math.max(revocation.expiresAt, this.#tokens.get(revocation.jti) ?? 0),
        )
        return
      case 'client':
        this.#clients.set(revocation.clientId, later(revocation, this.#clients.get(revocation.clientId)))
        return
      case 'kid':
        this.#keys.set(revocation.kid, Math.max(revocation.expiresAt, this.#keys.get(revocation.kid) ?? 0))
        return
      case 'all':
        this.#all = later(revocation, this.#all)
    }
  }

  isRevoked(token: RevocableToken, nowSeconds: number): boolean {
    if ((this.#tokens.get(token.jti) ?? 0) > nowSeconds) return true
    if ((this.#keys.get(token.kid) ?? 0) > nowSeconds) return true
    return (
      isUpTo(this.#clients.get(token.clientId), token, nowSeconds) || isUpTo(this.#all, token, nowSeconds)
    )
  }

  /** Forgets what has expired. */
  prune(nowSeconds: number): void {
    for (const [jti, expiresAt] of this.#tokens) if (expiresAt <= nowSeconds) this.#tokens.delete(jti)
    for (const [kid, expiresAt] of this.#keys) if (expiresAt <= nowSeconds) this.#keys.delete(kid)
    for (const [clientId, { expiresAt }] of this.#clients)
      if (expiresAt <= nowSeconds) this.#clients.delete(clientId)
  }

  get size(): number {
    return this.#tokens.size + this.#clients.size + this.#keys.size
  }
}

function later(a: UpTo, b: UpTo | undefined): UpTo {
  if (b === undefined) return { revokedUpTo: a.revokedUpTo, expiresAt: a.expiresAt }
  return {
    revokedUpTo: Math.max(a.revokedUpTo, b.revokedUpTo),
    expiresAt: Math.max(a.expiresAt, b.expiresAt),
  }
}

function isUpTo(record: UpTo | undefined, token: RevocableToken, nowSeconds: number): boolean {
  return record !== undefined && record.expiresAt > nowSeconds && token.iat <= record.revokedUpTo
}
