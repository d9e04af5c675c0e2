import fc from 'fast-check'

/** UTF-16 code units of any kind, lone surrogates among them. */
const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map(units => {
  return String.fromCharCode(...units)
})

/** Text of any kind: what is likely to matter to a parser is more likely. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ unit: 'grapheme' }),
  fc.base64String(),
  anyUnits,
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '.',
    '..',
    '...',
    '__proto__',
    'constructor',
    'toString',
    '\ufeff',
    '\u2028',
  ),
  fc.string({ minLength: 1, maxLength: 3 }).chain(unit => {
    return fc.integer({ min: 1, max: 20_000 }).map(times => unit.repeat(Math.ceil(times / unit.length)))
  }),
)

/** Text put together from pieces of a grammar and anything in between. */
export function textOf(pieces: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...pieces) },
    { weight: 1, arbitrary: anyText },
  )
  return fc.array(piece, { maxLength: 12 }).map(list => list.join(''))
}

const oddNames = ['__proto__', 'constructor', 'toString', 'length', '']

const oddValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  '',
  [],
  {},
  [[]],
  [null],
  JSON.parse('{"__proto__":{"alg":"none"}}'),
]

/** Any JSON value, as `JSON.parse` gives it: `__proto__` is a member like another. */
export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(...oddValues),
  anyText,
  fc.integer({ min: 1, max: 3000 }).map(depth => JSON.parse('['.repeat(depth) + ']'.repeat(depth))),
)

/**
 * Any JSON object, most of whose members are those that a parser knows, most of them with a value that may be right.
 */
export function objectWith(members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> {
  const known = Object.entries(members).map(([name, right]) =>
    fc.tuple(fc.constant(name), fc.oneof({ weight: 8, arbitrary: right }, { weight: 1, arbitrary: anyJson })),
  )
  const unknown = fc.tuple(fc.oneof(fc.constantFrom(...oddNames), anyText), anyJson)
  const left = fc.subarray(known, { minLength: Math.max(0, known.length - 2) })
  const entries = left.chain(list => fc.tuple(...list))
  const more = fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(unknown, { maxLength: 2 }))
  return fc.tuple(entries, more).map(([right, others]) => fromEntries([...right, ...others]))
}

/** As `JSON.parse` makes an object: a member named `__proto__` sets no prototype. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): object {
  const object = {}
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return object
}
