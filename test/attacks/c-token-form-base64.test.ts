import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { clientSecret } from '../lambda/support/client-item.ts'
import type { EventParts } from '../lambda/support/http-event.ts'
import { endpointNames, endpoints } from './support/attacked-endpoints.ts'
import { useClientFunctions } from './support/client-functions.ts'

const functions = useClientFunctions()
beforeAll(() => functions().addClient('nightly-export'))

const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const mebibyte = 1024 * 1024

/** Both say what they are: the gateway marks a body that it has encoded. */
const encoded = (body: string): Partial<EventParts> => ({ body, isBase64Encoded: true })
const plain = (body: string): Partial<EventParts> => ({ body, isBase64Encoded: false })

describe.each(endpointNames)('the body of an event of the %s function', endpoint => {
  const { form } = endpoints[endpoint]
  const missing = endpoint === 'token' ? 'grant_type_missing' : 'token_missing'

  /** How many characters make the length of the form leave this rest by three. */
  const padTo = (rest: number) => (3 + rest - ((form.length + 3) % 3)) % 3

  const expectRefused = async (parts: Partial<EventParts>, reason: RefusalReason) => {
    const { status, event, body, texts } = await functions().invoke(
      endpoint,
      'nightly-export',
      clientSecret,
      parts,
    )
    expect([event.reason, event.outcome, status]).toEqual([reason, 'refused', 400])
    expect(JSON.parse(body).error).toBe('invalid_request')
    expect(body).not.toContain('access_token')
    expect(texts.join('')).not.toContain(clientSecret)
  }

  it.each<[string, () => Partial<EventParts>]>([
    ['encoded, and marked as such', () => encoded(encode(form))],
    ['plain, and marked as such', () => plain(form)],
    ['encoded with one character of padding', () => encoded(encode(`${form}&x=${'x'.repeat(padTo(2))}`))],
    ['encoded with two characters of padding', () => encoded(encode(`${form}&x=${'x'.repeat(padTo(1))}`))],
  ])('C8: is read %s', async (_, parts) => {
    const { status, event } = await functions().invoke(endpoint, 'nightly-export', clientSecret, parts())
    expect([status, event.outcome]).toEqual([200, 'allowed'])
  })

  it('C8: is decoded once and only where it is marked: text that looks like base64 is text', async () => {
    await expectRefused(plain(encode(form)), missing)
    await expectRefused(encoded(encode(encode(form))), missing)
  })

  it.each<[string, string]>([
    ['a plain form', form],
    ['base64 without its padding', 'Zm9vPWJhcg'],
    ['base64 with half of its padding', 'Zm9vPWJhcg='],
    ['base64 with more padding', `${encode(form)}==`],
    [
      'base64url',
      encode(new Uint8Array([0xfb, 0xff, 0xbf]))
        .replaceAll('+', '-')
        .replaceAll('/', '_'),
    ],
    ['base64 in lines', `${encode(form).slice(0, 8)}\r\n${encode(form).slice(8)}`],
    ['base64 after a space', ` ${encode(form)}`],
    ['base64 before a line end', `${encode(form)}\n`],
    ['base64 and more', `${encode(form)}.${encode(form)}`],
    ['two in a row', `${encode(`${form}a`)}=${encode(form)}`],
    ['bits that are not zero', 'Zm9vPWJhcB=='],
    ['other characters', '%%%%'],
    ['one character', 'Z'],
    ['padding alone', '===='],
    ['a NUL', 'Zm9v\0'],
  ])('C8: is not %s where it is marked as encoded (RFC 4648 §3)', async (_, body) => {
    await expectRefused(encoded(body), 'body_encoding_invalid')
  })

  it.each<[string, Uint8Array]>([
    ['bytes that are not UTF-8', Buffer.from([0x78, 0x3d, 0xff])],
    ['a surrogate', Buffer.from([0x78, 0x3d, 0xed, 0xa0, 0x80])],
    ['an overlong slash', Buffer.from([0x78, 0x3d, 0xc0, 0xaf])],
    ['UTF-16', Buffer.from(`\uFEFF${form}`, 'utf16le')],
  ])('C17: does not decode to %s (RFC 6749 Appendix B)', async (_, bytes) => {
    await expectRefused(encoded(encode(bytes)), 'body_encoding_invalid')
  })

  it('C17: has no lone surrogate in its text either', async () => {
    for (const text of ['\ud800', '\udfff', 'a\udc00b'])
      await expectRefused(plain(`${form}&x=${text}`), 'body_encoding_invalid')
  })

  it.each([16_385, mebibyte, 6 * mebibyte, 10 * mebibyte])(
    'C19: of %i bytes is not parsed, encoded or not',
    async size => {
      const text = `${form}&x=`.padEnd(size, 'x')
      await expectRefused(plain(text), 'body_too_large')
      await expectRefused(encoded(encode(text)), 'body_too_large')
      await expectRefused(encoded('%'.repeat(size * 2)), 'body_too_large')
    },
  )

  it('C19: is absent or empty', async () => {
    for (const parts of [plain(''), encoded('')]) await expectRefused(parts, missing)
  })

  it('C19: of 16,384 bytes is parsed, encoded or not', async () => {
    const text = `${form}&x=`.padEnd(16_384, 'x')
    for (const parts of [plain(text), encoded(encode(text))]) {
      const { status } = await functions().invoke(endpoint, 'nightly-export', clientSecret, parts)
      expect(status).toBe(200)
    }
  })
})
