/**
 * What no log line, metric, error body or stored item may have in it. Every secret and token of this system carries its
 * mark: a secret begins with `ctsn_`, a token or an assertion is a JWT, whose JSON begins with `{"` and so with `eyJ`.
 */
const marks: readonly (readonly [string, RegExp])[] = [
  ['a client secret', /ctsn_[\w-]{16}/],
  ['a token or an assertion', /eyJ[\w-]{8,}\.[\w-]{8,}/],
  // `ctsn_` in base64, in each of its three positions: an Authorization header, a form body.
  ['a client secret in base64', /Y3Rzbl[89]|N0c25f|jdHNuX/],
  ['a private key', /"d"\s*:\s*"|PRIVATE KEY/],
]

/** Which kinds of secrets are in a text, or were marked by a test. */
export function findSecrets(text: string, marked: Iterable<string> = []): string[] {
  const found = marks.filter(([, pattern]) => pattern.test(text)).map(([name]) => name)
  return [...found, ...[...marked].filter(secret => text.includes(secret)).map(() => 'a marked secret')]
}

/** A stored item as one text, its binary attributes included. */
export function textOfItem(item: object): string {
  return JSON.stringify(item, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  )
}
