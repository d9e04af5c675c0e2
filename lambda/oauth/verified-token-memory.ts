import type { VerifiedToken } from './verify-access-token.ts'

/** How many tokens are remembered: a few KB each, the oldest forgotten first. */
const maxTokens = 2000

/**
 * The exact bytes of tokens whose signature and claims have been verified here. Machine clients send one token for
 * minutes; only time, key, revocation and scope need another look. Keyed on the whole text, so that no other spelling
 * is ever recognised.
 */
export class VerifiedTokenMemory {
  readonly #tokens = new Map<string, VerifiedToken>()

  get(token: string): VerifiedToken | undefined {
    return this.#tokens.get(token)
  }

  set(token: string, verified: VerifiedToken): void {
    if (this.#tokens.size >= maxTokens) {
      const oldest = this.#tokens.keys().next()
      if (!oldest.done) this.#tokens.delete(oldest.value)
    }
    this.#tokens.set(token, verified)
  }

  delete(token: string): void {
    this.#tokens.delete(token)
  }
}
