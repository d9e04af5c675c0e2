import { TokenIdTable } from './token-id-table.ts'

/** Up to here a Map is as fast and small enough; a million entries of it would be 82 MiB. */
const maxMapEntries = 100_000

/** The identifiers of revoked tokens, each until its record expires: a Map while they are few, then a typed table. */
export class RevokedTokens {
  readonly #maxMapEntries: number
  #entries: Map<string, number> | TokenIdTable = new Map()

  constructor(maxEntriesOfMap = maxMapEntries) {
    this.#maxMapEntries = maxEntriesOfMap
  }

  /** Adds a token, or raises its expiry (epoch seconds); never lowers it. */
  add(jti: string, expiresAt: number): void {
    const entries = this.#entries
    if (entries instanceof TokenIdTable) {
      entries.raise(jti, expiresAt)
      return
    }
    const before = entries.get(jti)
    if (before === undefined || before < expiresAt) entries.set(jti, expiresAt)
    if (entries.size > this.#maxMapEntries) this.#asTable()
  }

  /** Takes over whatever another set holds. */
  addAll(other: RevokedTokens): void {
    const others = other.#entries
    if (others instanceof TokenIdTable) this.#asTable().raiseAll(others)
    else for (const [jti, expiresAt] of others) this.add(jti, expiresAt)
  }

  has(jti: string, nowSeconds: number): boolean {
    return (this.#entries.get(jti) ?? 0) > nowSeconds
  }

  /** Makes room: afterwards at most a quarter of the entries has expired. Takes a pass over all of them. */
  prune(nowSeconds: number): void {
    const entries = this.#entries
    if (entries instanceof TokenIdTable) entries.prune(nowSeconds)
    else for (const [jti, expiresAt] of entries) if (expiresAt <= nowSeconds) entries.delete(jti)
  }

  get size(): number {
    return this.#entries.size
  }

  /** What the typed table takes, in bytes; 0 = it is a Map still. */
  get tableBytes(): number {
    return this.#entries instanceof TokenIdTable ? this.#entries.bytes : 0
  }

  /** A table stays one: it shrinks with what it holds. */
  #asTable(): TokenIdTable {
    if (this.#entries instanceof TokenIdTable) return this.#entries
    const table = new TokenIdTable(this.#entries.size)
    for (const [jti, expiresAt] of this.#entries) table.raise(jti, expiresAt)
    this.#entries = table
    return table
  }
}
