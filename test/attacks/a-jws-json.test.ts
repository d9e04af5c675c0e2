import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { derToJoseLowS } from '../../lambda/oauth/ecdsa-signature.ts'
import { type Refusal, useAttackedApi } from './support/attacked-api.ts'
import { encode } from './support/hostile-tokens.ts'

const api = useAttackedApi()

/** What becomes of the text of the header or of the claims. */
type Change = (text: string) => string | Uint8Array

/** The server's own key has signed the odd text: nothing but the text refuses it. */
async function expectRefused(place: 'header' | 'claims', change: Change, reason: Refusal): Promise<void> {
  const { tokens, refused } = api()
  const [header, claims] = tokens.texts
  const isHeader = place === 'header'
  const token = isHeader
    ? await tokens.signTexts(change(header), claims)
    : await tokens.signTexts(header, change(claims))
  await refused(token, reason)
}

const bytes =
  (...inserted: number[]): Change =>
  text =>
    Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.from(inserted), Buffer.from(text.slice(-2))])

const places = ['header', 'claims'] as const

describe('the JSON of a token', () => {
  it('A34: is the same in whatever order its members are (RFC 8259 §4)', async () => {
    const { tokens, allowed } = api()
    const reversed = tokens.texts.map(text =>
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).toReversed())),
    )
    await allowed(await tokens.signTexts(reversed[0] ?? '', reversed[1] ?? ''))
  })

  it.each<[string, (typeof places)[number], Change]>([
    ['\\u0061lg', 'header', text => text.replace('"alg"', '"\\u0061lg"')],
    ['\\u0061lg, of none', 'header', text => text.replace('"alg":"ES256"', '"\\u0061lg":"none"')],
    ['alg and \\u0061lg', 'header', text => `{"\\u0061lg":"none",${text.slice(1)}`],
    ['\\u006bid', 'header', text => text.replace('"kid"', '"\\u006bid"')],
    ['\\u0063rit', 'header', text => text.replace('}', ',"\\u0063rit":["x"]}')],
    ['\\u0065xp', 'claims', text => text.replace('"exp"', '"\\u0065xp"')],
    ['aud and \\u0061ud', 'claims', text => text.replace('}', ',"\\u0061ud":"x"}')],
    ['at\\/jwt', 'header', text => text.replace('at+jwt', 'application\\/at+jwt')],
    ['https:\\/\\/', 'claims', text => text.replaceAll('/', '\\/')],
    ['\\u003A', 'claims', text => text.replace('orders:read', 'orders\\u003Aread')],
  ])(
    'A34: is not in escapes that hide a name or a value: %s in the %s (RFC 8259 §8.3)',
    async (_, place, change) => {
      await expectRefused(place, change, 'token_not_canonical')
    },
  )

  it.each<[string, (typeof places)[number], Change]>([
    ['alg, none first', 'header', text => `{"alg":"none",${text.slice(1)}`],
    ['alg, none last', 'header', text => text.replace('}', ',"alg":"none"}')],
    ['alg, the same', 'header', text => text.replace('}', ',"alg":"ES256"}')],
    ['kid', 'header', text => `{"kid":"other",${text.slice(1)}`],
    ['aud', 'claims', text => `{"aud":"https://payments.example.com",${text.slice(1)}`],
    ['exp', 'claims', text => text.replace('}', ',"exp":4102444800}')],
    ['scope', 'claims', text => text.replace('}', ',"scope":"orders:admin"}')],
    ['a member of a member', 'claims', text => text.replace('}', ',"x":{"a":1,"a":2}}')],
  ])('A34: has no member twice: %s in the %s (RFC 7515 §5.2, RFC 7519 §4)', async (_, place, change) => {
    await expectRefused(place, change, 'token_not_canonical')
  })

  it.each(
    places.flatMap(place =>
      [
        ['null', () => 'null'],
        ['an empty list', () => '[]'],
        ['a list of itself', (text: string) => `[${text}]`],
        ['a text', () => '"x"'],
        ['itself as text', (text: string) => JSON.stringify(text)],
        ['a number', () => '1'],
        ['true', () => 'true'],
        ['a space', () => ' '],
        ['a brace', () => '{'],
        ['a single quote', (text: string) => text.replaceAll('"', "'")],
        ['a comment', (text: string) => `${text}/**/`],
        ['a trailing comma', (text: string) => text.replace('}', ',}')],
        ['a space before', (text: string) => ` ${text}`],
        ['a line end behind', (text: string) => `${text}\n`],
        ['a NUL behind', (text: string) => `${text}\u0000`],
        ['a second object', (text: string) => `${text}{}`],
        ['a byte order mark', (text: string) => `\ufeff${text}`],
        ['UTF-16', (text: string) => Buffer.from(text, 'utf16le')],
        ['an odd space', (text: string) => text.replace(':', ':\u00a0')],
        ['a lone surrogate', (text: string) => text.replace('{', '{"x":"\\ud800",')],
        ['a lone surrogate, low', (text: string) => text.replace('{', '{"x":"\\uDC00",')],
        ['a pair of surrogates in escapes', (text: string) => text.replace('{', '{"x":"\\ud83d\\udd11",')],
        ['a byte that is never UTF-8', bytes(0xff)],
        ['an overlong form', bytes(0xc0, 0xaf)],
        ['an overlong NUL', bytes(0xc0, 0x80)],
        ['a surrogate in UTF-8', bytes(0xed, 0xa0, 0x80)],
        ['a sequence cut short', bytes(0xe2, 0x82)],
        ['a code point beyond Unicode', bytes(0xf4, 0x90, 0x80, 0x80)],
        ['lists in lists', () => `${'['.repeat(2500)}${']'.repeat(2500)}`],
        ['brackets that nothing closes', () => '['.repeat(5000)],
      ].map(([title, change]) => [title, place, change] as [string, typeof place, Change]),
    ),
  )(
    'A35: is one object in UTF-8 and nothing else: not %s as the %s (RFC 7515 §5.2)',
    async (_, place, change) => {
      await expectRefused(place, change, 'token_not_canonical')
    },
  )

  it('A35: may be nested as deep as fits, which is no fault of the process (RFC 8259 §9)', async () => {
    const deep = `${'{"a":'.repeat(800)}1${'}'.repeat(800)}`
    await expectRefused('header', () => deep, 'token_header_refused')
    await expectRefused('claims', () => deep, 'issuer_mismatch')
  })

  it.each([
    ['1e2', '1e2'],
    ['1.0', '1.0'],
    ['-0', '-0'],
    ['0.10', '0.10'],
    ['beyond a double', '9007199254740993'],
    ['infinite', '1e999'],
    ['+1', '+1'],
    ['01', '01'],
    ['0x1', '0x1'],
    ['NaN', 'NaN'],
  ])('A35: writes a number in one way: not %s (RFC 8259 §6)', async (_, number) => {
    await expectRefused('claims', text => text.replace('{', `{"x":${number},`), 'token_not_canonical')
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'A35: gives nothing to a header from a member named %s',
    async name => {
      const { tokens } = api()
      const hidden = `{"${name}":${tokens.texts[0]}}`
      await expectRefused('header', () => hidden, 'token_header_refused')
      await expectRefused('header', text => text.replace('{', `{"${name}":{},`), 'token_header_refused')
      await expectRefused('claims', text => `{"${name}":${text}}`, 'issuer_mismatch')
    },
  )
})

describe('the key’s identifier', () => {
  it.each(
    [
      ...[
        '../../dev/null',
        '../../../../../../dev/null',
        '/proc/self/environ',
        'file:///etc/passwd',
        'C:\\nul',
      ],
      ...[
        "' OR 1=1--",
        "' UNION SELECT 'secret';--",
        'a;id',
        '$(id)',
        '`id`',
        '|id',
        '$\u007bjndi:ldap://127.0.0.1/a}',
      ],
      ...[
        '\u0000',
        'kid\u0000',
        'kid\n',
        ' kid',
        'kid ',
        'k.id',
        'k/id',
        'k+id',
        'kid=',
        'ring#kid',
        '*',
        '%2e%2e',
      ],
      ...['🔑', 'кid', 'kıd', ''],
      ...[undefined, null, 0, 1, true, [], ['kid'], {}, { S: 'kid' }],
    ].map(kid => [kid]),
  )('A26: is of its characters before anything is looked up: not %j (RFC 8725 §3.10)', async kid => {
    const { tokens, refused } = api()
    await refused(await tokens.signed({ header: { kid } }), 'token_header_refused')
  })

  it('A26: has at most 64 characters, and is not looked at in a token of 8 KiB', async () => {
    const { tokens, refused } = api()
    await refused(await tokens.signed({ header: { kid: 'k'.repeat(64) } }), 'key_unknown')
    await refused(await tokens.signed({ header: { kid: 'k'.repeat(65) } }), 'token_header_refused')
    await refused(await tokens.signed({ header: { kid: 'k'.repeat(4096) } }), 'token_header_refused')
    const header = JSON.stringify({ ...tokens.header, kid: 'k'.repeat(6144) })
    await refused(await tokens.signTexts(header, '{}'), 'token_too_long')
  })

  it.each([
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '0',
    'undefined',
    'null',
    '-',
    '_',
  ])('A26: of %s is unknown, like any other that is not in the ring', async kid => {
    const { tokens, refused } = api()
    await refused(await tokens.signed({ header: { kid } }), 'key_unknown')
  })

  it('A26: is compared to the letter', async () => {
    const { tokens, refused } = api()
    const kid = String(tokens.header.kid)
    const others = [
      kid.toLowerCase(),
      kid.toUpperCase(),
      kid.slice(1),
      kid.slice(0, -1),
      `${kid}A`,
      `${kid}${'A'.repeat(21)}`,
    ]
    for (const other of others) {
      expect(other).not.toBe(kid)
      await refused(await tokens.signed({ header: { kid: other } }), 'key_unknown')
    }
  })

  it('A28: of the ring does not make another key of it, nor another key one of the ring', async () => {
    const { tokens, refused } = api()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (const [kid, reason] of [
      [tokens.header.kid, 'signature_invalid'],
      [tokens.claims.client_id, 'key_unknown'],
      ['arn-aws-kms', 'key_unknown'],
    ] as const) {
      const input = `${encode(JSON.stringify({ ...tokens.header, kid }))}.${tokens.segments[1]}`
      const signature = derToJoseLowS(sign('sha256', Buffer.from(input), privateKey))
      await refused(`${input}.${encode(signature ?? '')}`, reason)
    }
    await api().allowed(tokens.genuine)
  })
})
