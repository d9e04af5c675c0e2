/** A scope token (RFC 6749 §3.3): printable ASCII but for space, `"` and `\`. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

export function isScopeToken(value: string): boolean {
  return scopeToken.test(value)
}

/**
 * Parses a scope (RFC 6749 §3.3): scope tokens separated by single spaces, in any order.
 *
 * @returns the distinct tokens in the order given, or undefined when the text does not follow the grammar
 */
export function parseScope(text: string): readonly string[] | undefined {
  const tokens = text.split(' ')
  return tokens.every(isScopeToken) ? [...new Set(tokens)] : undefined
}

export function formatScope(tokens: readonly string[]): string {
  return tokens.join(' ')
}
