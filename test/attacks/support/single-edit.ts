import fc from 'fast-check'

/** One edit of a text: a character replaced, inserted or deleted, or two neighbours that change places. */
export interface SingleEdit {
  readonly kind: 'replace' | 'insert' | 'delete' | 'swap'
  /** Where, in ten-thousandths of the text. */
  readonly where: number
  readonly character: string
}

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Edits with characters of base64url, and with these others. */
export function singleEdits(others: string): fc.Arbitrary<SingleEdit> {
  return fc.record({
    kind: fc.constantFrom('replace', 'insert', 'delete', 'swap'),
    where: fc.noBias(fc.integer({ min: 0, max: 10_000 })),
    character: fc.constantFrom(...base64url, ...others),
  })
}

/** The text with the edit made; the text itself where the edit changes nothing. */
export function edit(text: string, { kind, where, character }: SingleEdit): string {
  const at = Math.min(Math.floor((where * text.length) / 10_000), text.length - (kind === 'insert' ? 0 : 1))
  const [before, after] = [text.slice(0, at), text.slice(at)]
  if (kind === 'insert') return before + character + after
  if (kind === 'delete') return before + after.slice(1)
  if (kind === 'swap') return before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2)
  return before + character + after.slice(1)
}
