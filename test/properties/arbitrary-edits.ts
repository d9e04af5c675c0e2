import fc from 'fast-check'

export type Edit = (text: string) => string

const character = fc.oneof(
  fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'),
  fc.constantFrom(...'.=+/ \t\r\n\0%,;"\\~\u00e9\u200b\ufeff\uff0d\ud800'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)

/** A place in a text of any length. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const at = (text: string, where: number, extra = 0) => Math.floor(where * (text.length + extra))

/** One edit of one character, or of two that change places, anywhere in a text. */
export const singleEdit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, character).map(([where, char]) => (text: string) => {
    const index = at(text, where)
    return text.slice(0, index) + char + text.slice(index + 1)
  }),
  fc.tuple(place, character).map(([where, char]) => (text: string) => {
    const index = at(text, where, 1)
    return text.slice(0, index) + char + text.slice(index)
  }),
  place.map(where => (text: string) => {
    const index = at(text, where)
    return text.slice(0, index) + text.slice(index + 1)
  }),
  place.map(where => (text: string) => {
    const index = at(text, where)
    return text.slice(0, index + 1) + text.slice(index)
  }),
  fc.tuple(place, place).map(([one, other]) => (text: string) => {
    const characters = [...text]
    const first = at(text, one)
    const second = at(text, other)
    return characters.with(first, text.charAt(second)).with(second, text.charAt(first)).join('')
  }),
)

/** One edit of a stretch: cut out, said twice, turned round, in the other case, or cut off behind. */
export const stretchEdit: fc.Arbitrary<Edit> = fc
  .tuple(
    place,
    place,
    fc.constantFrom<Edit>(
      () => '',
      stretch => stretch + stretch,
      stretch => [...stretch].reverse().join(''),
      stretch => stretch.toUpperCase(),
      stretch => stretch.toLowerCase(),
      stretch => encodeURIComponent(stretch),
    ),
  )
  .map(([one, other, change]) => (text: string) => {
    const start = at(text, Math.min(one, other))
    const end = at(text, Math.max(one, other), 1)
    return text.slice(0, start) + change(text.slice(start, end)) + text.slice(end)
  })

/** A text, and what becomes of it: counterexamples show both. */
export function edited(text: fc.Arbitrary<string>, edit: fc.Arbitrary<Edit>) {
  return fc.tuple(text, edit).map(([before, change]) => ({ before, after: change(before) }))
}
