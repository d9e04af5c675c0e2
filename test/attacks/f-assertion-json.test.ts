import { describe, expect, it } from 'vitest'
import { sharedAssertionClient } from './support/assertion-client.ts'
import { type Row, textRow } from './support/assertion-rows.ts'
import { useAttackedStack } from './support/attacked-stack.ts'
import { encode, signSegments, signTexts } from './support/client-assertion.ts'

const attacked = useAttackedStack()
const anyClient = sharedAssertionClient(attacked)

const header = '{"alg":"ES256","kid":"key-1"}'
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))

/** What is no JSON object in UTF-8, or more than one, in the place of the header or the payload. */
const notObjects: [string, string | Buffer][] = [
  ['null', 'null'],
  ['true', 'true'],
  ['a number', '1'],
  ['a string', '"x"'],
  ['a list', '[]'],
  ['a list of an honest one', '[HONEST]'],
  ['an object as a string', '"{}"'],
  ['white space', ' '],
  ['the empty object', '{}'],
  ['an honest one twice', 'HONESTHONEST'],
  ['an honest one and a comma', 'HONEST,'],
  ['an honest one and a NUL', 'HONEST\u0000'],
  ['an honest one and an octet that is no UTF-8', bytes('{"alg":"ES256","kid":"key-1"}', [0xff])],
  ['an honest one behind a byte order mark', '\ufeffHONEST'],
  ['an honest one behind a NUL', '\u0000HONEST'],
  ['an honest one and a comment', 'HONEST//x'],
  ['an honest one behind a comment', '/**/HONEST'],
  ['an honest one behind a no-break space', '\u00a0HONEST'],
  ['an honest one cut off', '{"alg":"ES256","kid":"key-1"'],
  ['UTF-16', Buffer.from(header, 'utf16le')],
  ['a JWT', 'eyJhbGciOiJub25lIn0.e30.'],
]

/** Members that two parsers read differently, or not at all. */
const oddMembers: [string, string | Buffer][] = [
  ['a member without quotes', 'x:1'],
  ['single quotes', "'x':1"],
  ['a trailing comma', '"x":1,'],
  ['NaN', '"x":NaN'],
  ['Infinity', '"x":Infinity'],
  ['undefined', '"x":undefined'],
  ['a number beyond a double', '"x":1e999'],
  ['a number below a double', '"x":-1e999'],
  ['a number in hexadecimal', '"x":0x10'],
  ['a number with a zero before it', '"x":01'],
  ['a number with a plus', '"x":+1'],
  ['a number without a fraction', '"x":1.'],
  ['a number that begins with its fraction', '"x":.5'],
  ['a number with a separator', '"x":1_0'],
  ['an octet that is no UTF-8', bytes('"x":"', [0xff], '"')],
  ['an overlong slash', bytes('"x":"', [0xc0, 0xaf], '"')],
  ['a surrogate in UTF-8', bytes('"x":"', [0xed, 0xa0, 0x80], '"')],
  ['a code point beyond Unicode', bytes('"x":"', [0xf4, 0x90, 0x80, 0x80], '"')],
  ['a lone surrogate', '"x":"\\ud800"'],
  ['a lone surrogate in upper case', '"x":"\\uD800"'],
  ['a low surrogate before a high one', '"x":"\\udc00\\ud800"'],
  ['a lone surrogate in a name', '"\\ud800":1'],
  ['a lone surrogate in a list', '"x":[["\\ud800"]]'],
  ['a control character in a string', '"x":"\u0001"'],
  ['a newline in a string', '"x":"\n"'],
  ['an unknown escape', '"x":"\\x41"'],
  ['a short escape', '"x":"\\u41"'],
  ['a repeated member', '"x":1,"x":1'],
  ['a repeated member in an escape', '"x":1,"\\u0078":2'],
  ['a repeated member in an object', '"x":{"a":1,"a":1}'],
  ['a repeated member in an object of a list', '"x":[{"a":1,"b":[{"a":1,"\\u0061":1}]}]'],
  ['a repeated member with no name', '"x":{"":1,"":1}'],
  ['a repeated __proto__', '"x":{"__proto__":1,"__proto__":2}'],
]

/** `HONEST` is what an honest client puts there. */
const rows = (honest: string, row: (what: string, text: string | Buffer) => Row): Row[] =>
  notObjects.map(([what, text]) =>
    row(`A35: ${what}`, typeof text === 'string' ? text.replaceAll('HONEST', honest) : text),
  )

describe('the JSON of an assertion', () => {
  it.each(rows(header, textRow))('%s is no header (RFC 7515 §5.2)', async (_, make) => {
    const client = await anyClient()
    await client.expectRefused(() => make(client), 'assertion_malformed')
  })

  it.each(rows('CLAIMS', (what, text) => textRow(what, header, text)))(
    '%s is no payload (RFC 7519 §7.2)',
    async (_, make) => {
      const client = await anyClient()
      await client.expectRefused(() => make(client), 'assertion_malformed')
    },
  )

  it.each(oddMembers)(
    'A35: %s is refused in a payload, before and behind the claims (RFC 8259)',
    async (_, text) => {
      const client = await anyClient()
      const claims = () => JSON.stringify(client.claims()).slice(1, -1)
      const make = () => signTexts(client.key, header, bytes('{', claims(), ',', octets(text), '}'))
      const before = () => signTexts(client.key, header, bytes('{', octets(text), ',', claims(), '}'))
      await client.expectRefused(make, 'assertion_malformed')
      await client.expectRefused(before, 'assertion_malformed')
    },
  )

  it.each([
    '{"alg":"none","alg":"ES256","kid":"key-1"}',
    '{"alg":"ES256","alg":"none","kid":"key-1"}',
    '{"alg":"ES256","alg":"ES256","kid":"key-1"}',
    '{"alg":"ES256","\\u0061lg":"none","kid":"key-1"}',
    '{"\\u0061lg":"none","alg":"ES256","kid":"key-1"}',
    '{"alg":"ES256","kid":"key-2","kid":"key-1"}',
    '{"alg":"ES256","kid":"key-1","typ":"at+jwt","typ":"JWT"}',
  ])('A34: a header that says something twice is refused: %s (RFC 7515 §4)', async text => {
    const client = await anyClient()
    const make = () => signTexts(client.key, text, JSON.stringify(client.claims()))
    await client.expectRefused(make, 'assertion_malformed')
  })

  it.each(['iss', 'sub', 'aud', 'exp', 'jti', 'nbf'])(
    'A34: a payload that says %s twice is refused, whichever is true (RFC 7519 §4)',
    async name => {
      const client = await anyClient()
      const claims = client.claims({ nbf: 1 })
      for (const wrong of [JSON.stringify(claims[name]), '"other"']) {
        const twice = `"${name}":${wrong}`
        const text = JSON.stringify(claims).slice(1, -1)
        for (const payload of [`{${twice},${text}}`, `{${text},${twice}}`]) {
          await client.expectRefused(() => signTexts(client.key, header, payload), 'assertion_malformed')
        }
      }
    },
  )
})

describe('JSON that other software writes', () => {
  it.each<[string, string]>([
    ['A34: escapes', '{"\\u0061lg":"\\u0045S256","kid":"\\u006b\\u0065y-1"}'],
    ['A35: white space', ' {\r\n\t"kid" : "key-1" ,\n "alg":"ES256"\r\n} '],
    ['A35: another order', '{"kid":"key-1","alg":"ES256"}'],
  ])('%s in a header mean what they say (RFC 8259 §8.3)', async (_, text) => {
    const client = await anyClient()
    await client.expectAccepted(() => signTexts(client.key, text, JSON.stringify(client.claims())))
  })

  it.each([
    '"x":"\\u00e9\\/\\b\\f\\n\\r\\t\\"\\\\"',
    '"x":"é💥\\ud83d\\udca5"',
    '"x":1.0',
    '"x":-0',
    '"x":1E2',
    '"x":[1e-400,0.10,12345678901234567890]',
    '"x":{"__proto__":{"a":1},"constructor":null}',
    '"__proto__":{"sub":"x"}',
    '"":null',
    '"x":[true,false,null,{},[]]',
    `"x":${'['.repeat(900)}${']'.repeat(900)}`,
    `"x":${'{"a":'.repeat(300)}1${'}'.repeat(300)}`,
  ])('A35: %s in a payload does no harm (RFC 7519 §4.2)', async member => {
    const client = await anyClient()
    const make = () => {
      const claims = JSON.stringify(client.claims({ jti: `${Math.random()}` }))
      return signTexts(client.key, header, `${claims.slice(0, -1)},${member}}`)
    }
    await client.expectAccepted(make)
  })

  it('A34: escapes in the claims mean what they say, and aud is compared after them (RFC 8259 §8.3)', async () => {
    const client = await anyClient()
    const make = (aud: string) => () => {
      const claims = JSON.stringify(client.claims({ aud: undefined }))
      const text = `{"\\u0061ud":"${aud}",${claims.slice(1)}`
      return signSegments(client.key, encode(header), encode(text))
    }
    await client.expectAccepted(make(client.issuer.replaceAll('/', '\\/')))
    await client.expectRefused(make(client.issuer.replaceAll('/', '\\\\/')), 'assertion_audience_mismatch')
    expect(client.issuer).toContain('/')
  })
})

function octets(text: string | Buffer): number[] {
  return [...Buffer.from(text)]
}
