import { describe, expect, it } from 'vitest'
import { maxAccessTokenLifetimeSeconds } from '../../lambda/oauth/access-token-claims.ts'
import { type Json, orders, payments } from '../flow/local-stack.ts'
import { type Refusal, useAttackedApi } from './support/attacked-api.ts'

const api = useAttackedApi()

/** Every token here is signed by the server's own key: only what it says is wrong. */
async function expectRefused(claims: Json, reason: Refusal): Promise<void> {
  const { tokens, refused } = api()
  await refused(await tokens.signed({ claims }), reason)
}

async function expectAllowed(claims: Json): Promise<void> {
  const { tokens, allowed } = api()
  await allowed(await tokens.signed({ claims }))
}

/** Claims that JSON.stringify would not write. */
async function expectTextRefused(change: (text: string) => string, reason: Refusal): Promise<void> {
  const { tokens, refused } = api()
  const [header, claims] = tokens.texts
  expect(change(claims)).not.toBe(claims)
  await refused(await tokens.signTexts(header, change(claims)), reason)
}

const now = () => Math.floor(Date.now() / 1000)
const never = 4_102_444_800

/** What no number of seconds is. */
const notSeconds: [unknown][] = [
  null,
  '1999999999',
  '',
  true,
  false,
  {},
  [],
  [1_999_999_999],
  { exp: 1 },
  1.5,
  1e-9,
  -1,
  0,
  1e308,
].map(value => [value])

describe('the end of a token', () => {
  it.each([[undefined], ...notSeconds, [2 ** 53], [-1e308]])(
    'B1, B2, B4, B5: is a number of seconds: not %j (RFC 9068 §2.2, RFC 7519 §2)',
    async exp => expectRefused({ exp }, 'claims_malformed'),
  )

  it.each([
    '1e999',
    '-1e999',
    '-0',
    '1e308',
    '0.0',
    '1e10',
    '1_000',
    'Infinity',
    '1999999999.0',
    '99999999999999999999',
  ])('B4, B5: is written as a number of seconds is: not %s (RFC 8259 §6)', async exp =>
    expectTextRefused(text => text.replace(/"exp":\d+/, `"exp":${exp}`), 'token_not_canonical'),
  )

  it.each([
    ['in milliseconds', () => Date.now() + 600_000],
    ['in the year 9999', () => 253_402_300_799],
    ['in the year 2100', () => never],
    ['as far away as an integer goes', () => Number.MAX_SAFE_INTEGER],
    ['a second past the longest lifetime', () => now() + maxAccessTokenLifetimeSeconds + 1],
  ])('B4: is not %s (RFC 8725 §3.10)', async (_, end) => {
    await expectRefused({ iat: now(), exp: end() }, 'lifetime_too_long')
  })

  it('B4: may be as late as the longest lifetime lets it', async () => {
    const iat = now()
    await expectAllowed({ iat, exp: iat + maxAccessTokenLifetimeSeconds })
  })

  it.each([0, 1, 9, 60, 3599])(
    'B5: is over at its second and %i s later: no leeway (RFC 7519 §4.1.4)',
    async seconds => {
      const exp = now() - seconds
      await expectRefused({ iat: exp - 600, exp }, 'token_expired')
    },
  )

  it.each([0, 1, 600])('B5: is after its start, not %i s before it', async seconds => {
    const iat = now()
    await expectRefused({ iat, exp: iat - seconds }, 'lifetime_too_long')
  })

  it.each([1, 1000, 1_000_000_000])('B5: is not %i s after the beginning of time', async exp => {
    await expectRefused({ iat: 1, exp: exp + 1 }, exp < 3600 ? 'token_expired' : 'lifetime_too_long')
  })
})

describe('the start of a token', () => {
  it.each([[undefined], ...notSeconds, [2 ** 53]])(
    'B8: is a number of seconds: iat is not %j (RFC 9068 §2.2)',
    async iat => {
      await expectRefused({ iat }, 'claims_malformed')
    },
  )

  it.each(notSeconds)('B7: is a number of seconds: nbf is not %j (RFC 7519 §4.1.5)', async nbf => {
    await expectRefused({ nbf }, 'claims_malformed')
  })

  it('B7, B8: may be 8 s ahead, which is another machine’s clock', async () => {
    await expectAllowed({ nbf: now() + 8 })
    await expectAllowed({ iat: now() + 8, exp: now() + 600 })
    await expectAllowed({ nbf: now() - 8, iat: now() - 8 })
  })

  it.each([61, 3600, 86_400])('B7, B8: is not %i s ahead (RFC 7519 §4.1.5, §4.1.6)', async ahead => {
    await expectRefused({ nbf: now() + ahead }, 'token_not_yet_valid')
    const iat = now() + ahead
    await expectRefused({ iat, exp: iat + 600 }, 'token_not_yet_valid')
    await expectRefused({ iat, exp: iat + 600, nbf: now() }, 'token_not_yet_valid')
  })

  it('B8: is not in milliseconds, nor 0 to make the lifetime long', async () => {
    await expectRefused({ iat: Date.now(), exp: Date.now() + 600 }, 'token_not_yet_valid')
    await expectRefused({ iat: 1, exp: now() + 600 }, 'lifetime_too_long')
  })
})

describe('the audience', () => {
  it.each([
    ['absent', undefined],
    ['null', null],
    ['empty', ''],
    ['a space', ' '],
    ['a prefix of another host', `${orders}.evil`],
    ['a user at another host', `${orders}@evil.example`],
    ['part of it', 'https://orders.example'],
    ['its host', 'orders.example.com'],
    ['in a longer text', `x${orders}`],
    ['with a slash', `${orders}/`],
    ['with a fragment', `${orders}#`],
    ['with a query', `${orders}?`],
    ['with a port', `${orders}:443`],
    ['with a path', `${orders}/orders`],
    ['in upper case', orders.toUpperCase()],
    ['in another case', 'https://Orders.example.com'],
    ['with a space', `${orders} `],
    ['with a line end', `${orders}\n`],
    ['with a NUL', `${orders}\u0000`],
    ['over http', orders.replace('https', 'http')],
    ['in percent encoding', orders.replace('o', '%6f')],
    ['with a Cyrillic o', orders.replace('o', 'о')],
    ['a wildcard', '*'],
    ['two in one text', `${orders} ${payments}`],
    ['a number', 1],
    ['true', true],
    ['an object', { [orders]: true }],
    ['an object that is one text', { toString: orders }],
    ['in a list', [orders]],
    ['in a list of two', [orders, payments]],
    ['in a list, last', ['https://evil.example', orders]],
    ['in a list twice', [orders, orders]],
    ['in a list in a list', [[orders]]],
    ['an empty list', []],
    ['a list of no texts', [1, null, { a: 1 }]],
    ['a list of 400', Array.from({ length: 400 }, (_, index) => (index === 200 ? orders : 'a'))],
    ['of the other API', payments],
  ])(
    'B10, B11, B20: is this API’s, one and to the letter: not %s (RFC 9068 §4, CVE-2020-26160)',
    async (_, aud) => expectRefused({ aud }, 'audience_mismatch'),
  )

  it('B20: is not the authorization server itself', async () => {
    const { iss } = api().tokens.claims
    await expectRefused({ aud: iss }, 'audience_mismatch')
    await expectRefused({ aud: `${iss}/token` }, 'audience_mismatch')
  })

  it('B20: of an API opens that API and no other', async () => {
    const { tokens, refused, allowed } = api()
    const token = await tokens.signed({ claims: { aud: payments, scope: 'orders:read payments:read' } })
    await allowed(token, { api: 'payments' })
    await refused(token, 'audience_mismatch')
    await refused(tokens.genuine, 'audience_mismatch', { api: 'payments' })
  })
})

describe('the issuer', () => {
  it.each<[string, (issuer: string) => unknown]>([
    ['absent', () => undefined],
    ['null', () => null],
    ['empty', () => ''],
    ['with a slash', issuer => `${issuer}/`],
    ['with a stage', issuer => `${issuer}/prod`],
    ['in upper case', issuer => issuer.toUpperCase()],
    ['over https', issuer => issuer.replace('http:', 'https:')],
    ['without its port', issuer => issuer.replace(/:\d+$/, '')],
    ['on the next port', issuer => issuer.replace(/\d$/, digit => String((Number(digit) + 1) % 10))],
    ['by another name', issuer => issuer.replace('127.0.0.1', 'localhost')],
    ['a user at another host', issuer => `${issuer}@evil.example`],
    ['with a query', issuer => `${issuer}?`],
    ['in a list', issuer => [issuer]],
    ['in an object', issuer => ({ iss: issuer })],
    ['another one', () => 'https://auth.example.com'],
    ['the token endpoint', issuer => `${issuer}/token`],
  ])('B20: is ours and to the letter: not %s, though the key is (RFC 9068 §4)', async (_, change) => {
    await expectRefused({ iss: change(String(api().tokens.claims.iss)) }, 'issuer_mismatch')
  })
})
