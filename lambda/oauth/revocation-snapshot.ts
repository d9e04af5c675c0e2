import type { RevocableToken, Revocation } from './revocation.ts'
import { RevokedTokens } from './revoked-tokens.ts'

interface UpTo {
  readonly revokedUpTo: number
  readonly expiresAt: number
}

/** What is held at most. */
export interface SnapshotLimits {
  readonly tokens: number
  readonly clientsAndKeys: number
}

const defaultLimits: SnapshotLimits = { tokens: 2_000_000, clientsAndKeys: 100_000 }

/** A pass over a million entries takes milliseconds: not with every refresh. */
const pruneIntervalSeconds = 60

/** Every revocation that can still match a live token, in memory. Records are only ever added: it never goes back. */
export class RevocationSnapshot {
  readonly #limits: SnapshotLimits
  readonly #tokens = new RevokedTokens()
  readonly #clients = new Map<string, UpTo>()
  readonly #keys = new Map<string, number>()
  #all: UpTo = { revokedUpTo: 0, expiresAt: 0 }
  #prunedAt = Number.NEGATIVE_INFINITY

  constructor(limits = defaultLimits) {
    this.#limits = limits
  }

  add(revocation: Revocation): void {
    switch (revocation.kind) {
      case 'jti':
        this.#tokens.add(revocation.jti, revocation.expiresAt)
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

  /** Takes over whatever another snapshot holds. */
  addAll(other: RevocationSnapshot): void {
    this.#tokens.addAll(other.#tokens)
    for (const [clientId, upTo] of other.#clients) this.add({ kind: 'client', clientId, ...upTo })
    for (const [kid, expiresAt] of other.#keys) this.add({ kind: 'kid', kid, expiresAt })
    this.add({ kind: 'all', ...other.#all })
  }

  isRevoked(token: RevocableToken, nowSeconds: number): boolean {
    if (this.#tokens.has(token.jti, nowSeconds)) return true
    if ((this.#keys.get(token.kid) ?? 0) > nowSeconds) return true
    return (
      isUpTo(this.#clients.get(token.clientId), token, nowSeconds) || isUpTo(this.#all, token, nowSeconds)
    )
  }

  /** Forgets what has expired, once a minute; always when there is too much. */
  prune(nowSeconds: number): void {
    if (nowSeconds - this.#prunedAt < pruneIntervalSeconds && !this.isTooLarge) return
    this.#prunedAt = nowSeconds
    this.#tokens.prune(nowSeconds)
    for (const [kid, expiresAt] of this.#keys) if (expiresAt <= nowSeconds) this.#keys.delete(kid)
    for (const [clientId, { expiresAt }] of this.#clients)
      if (expiresAt <= nowSeconds) this.#clients.delete(clientId)
  }

  get size(): number {
    return this.#tokens.size + this.#clients.size + this.#keys.size
  }

  /** Whether it holds more than a function's memory is meant for. */
  get isTooLarge(): boolean {
    return (
      this.#tokens.size > this.#limits.tokens ||
      this.#clients.size + this.#keys.size > this.#limits.clientsAndKeys
    )
  }
}

/** Neither is ever lowered. */
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
