import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { isLowS, joseToDer } from '../../lambda/oauth/ecdsa-signature.ts'
import { type Refusal, useAttackedApi } from './support/attacked-api.ts'
import { encode, type HostileTokens } from './support/hostile-tokens.ts'

const api = useAttackedApi()

type Make = (tokens: HostileTokens) => string | Promise<string>
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The segment with each other value of its last character's unused bits (RFC 4648 §3.5). */
function otherSpellings(segment: string): string[] {
  const unusedBits = [0, 0, 4, 2][segment.length % 4] ?? 0
  const last = alphabet.indexOf(segment.slice(-1))
  const bits = Array.from({ length: 2 ** unusedBits - 1 }, (_, index) => index + 1)
  return bits.map(bit => segment.slice(0, -1) + alphabet[last + bit])
}

const withSignature = ({ segments: [head, body] }: HostileTokens, signature: Uint8Array) =>
  `${head}.${body}.${encode(signature)}`

const unsignedPair = ({ texts }: HostileTokens) => `${encode('{"alg":"none"}')}.${encode(texts[1])}`

const rawSignature = ({ segments }: HostileTokens) => Buffer.from(segments[2], 'base64url')

/** The claims with a member of which base64url spells `-` and `_`. */
const bodyOfBothSigns = ({ claims }: HostileTokens) =>
  encode(JSON.stringify({ '???>>>~~~': '~~~', ...claims }))

async function expectRefused(make: Make, reason: Refusal): Promise<void> {
  await api().refused(await make(api().tokens), reason)
}

describe('the segments of a token', () => {
  it.each<[string, string, Make, Refusal]>([
    ['A4', 'alg none and no dot at its end', unsignedPair, 'token_malformed'],
    ['A4', 'no signature', ({ segments }) => segments.slice(0, 2).join('.'), 'token_malformed'],
    ['A4', 'no header', ({ segments }) => segments.slice(1).join('.'), 'token_malformed'],
    ['A37', 'one', () => 'abc', 'token_malformed'],
    ['A37', 'two, both empty', () => '.', 'token_malformed'],
    ['A37', 'three, all empty', () => '..', 'token_malformed'],
    ['A37', 'an empty one behind', ({ genuine }) => `${genuine}.`, 'token_malformed'],
    ['A37', 'an empty one before', ({ genuine }) => `.${genuine}`, 'token_malformed'],
    ['A37', 'a second signature', ({ genuine, segments }) => `${genuine}.${segments[2]}`, 'token_malformed'],
    ['A37', 'five', ({ genuine }) => `${genuine}.a.b`, 'token_malformed'],
    ['A37', 'a thousand', ({ genuine }) => `${genuine}${'.a'.repeat(997)}`, 'token_malformed'],
    ['A37', '8,192 dots', () => '.'.repeat(8192), 'token_malformed'],
    ['A37', 'an empty one inside', ({ genuine }) => genuine.replace('.', '..'), 'token_malformed'],
    ['A37', 'empty claims', ({ segments: [head, , end] }) => `${head}..${end}`, 'token_malformed'],
    ['A37', 'an empty header', ({ segments: [, body, end] }) => `.${body}.${end}`, 'token_malformed'],
    ['A37', 'an empty signature', ({ segments: [a, b] }) => `${a}.${b}.`, 'token_signature_malformed'],
    ['A37', 'claims first', ({ segments: [a, b, c] }) => `${b}.${a}.${c}`, 'token_header_refused'],
    ['A37', 'two headers', ({ segments: [a, , c] }) => `${a}.${a}.${c}`, 'issuer_mismatch'],
  ])('%s: are three and none of them empty: not %s (RFC 7515 §7.1)', async (_row, _title, make, reason) => {
    await expectRefused(make, reason)
  })

  it('A31: are not in JSON: neither general nor flattened serialisation (RFC 7515 §7.2)', async () => {
    const [head, payload, signature] = api().tokens.segments
    const flattened = JSON.stringify({ payload, protected: head, signature })
    const general = JSON.stringify({ payload, signatures: [{ protected: head, signature }] })
    for (const token of [flattened, general]) await api().refused(token, 'credentials_malformed')
  })

  it.each([
    ['A31', 'dir', {}, 'ciphertext'],
    ['A31', 'RSA-OAEP', { cty: 'JWT' }, 'ciphertext'],
    ['A31', 'none', { zip: 'DEF' }, 'ciphertext'],
    ['A32', 'dir', { zip: 'DEF' }, deflateRawSync(Buffer.alloc(5_000_000))],
  ])('%s: are not those of a JWE (alg %s, %j) (RFC 7516 §7.1)', async (_, alg, members, content) => {
    const head = encode(JSON.stringify({ alg, enc: 'A256GCM', ...members }))
    const token = [head, encode('key'), encode('iv'), encode(content), encode('tag')].join('.')
    await api().refused(token, 'token_malformed')
  })

  it('A38: are looked at up to 8,192 characters, and not one more', async () => {
    const { tokens, refused, allowed } = api()
    const empty = (await tokens.signed({ claims: { x: '' } })).length
    const grown = await tokens.signed({ claims: { x: 'x'.repeat(Math.floor(((8192 - empty) * 3) / 4)) } })
    expect(grown.length).toBeGreaterThan(8188)
    await allowed(grown)
    await refused(`${grown}${'A'.repeat(8193 - grown.length)}`, 'token_too_long')
    await refused(await tokens.signed({ claims: { x: 'x'.repeat(6500) } }), 'token_too_long')
  })

  it('A38: never get to a function when the headers pass 10,240 octets', async () => {
    const { status, body } = await api().answeredByGateway('x'.repeat(10_240))
    expect([status, body]).toEqual([431, '{"message":"Request Header Fields Too Large"}'])
  })
})

describe('the characters of a token', () => {
  it('A13: the signature’s last one has one value, not sixteen (RFC 7515 §2, RFC 4648 §3.5)', async () => {
    const { tokens, refused, allowed } = api()
    await allowed(tokens.genuine)
    const [head, body, signature] = tokens.segments
    const others = otherSpellings(signature)
    expect(others).toHaveLength(15)
    for (const other of others) await refused(`${head}.${body}.${other}`, 'token_signature_malformed')
  })

  it.each<[string, Make, Refusal]>([
    ['one after the signature', ({ genuine }) => `${genuine}=`, 'token_signature_malformed'],
    ['two after the signature', ({ genuine }) => `${genuine}==`, 'token_signature_malformed'],
    ['after the header', ({ genuine }) => genuine.replace('.', '=.'), 'credentials_malformed'],
    ['two after the header', ({ genuine }) => genuine.replace('.', '==.'), 'credentials_malformed'],
    ['after the claims', ({ genuine }) => genuine.replace(/\.(?=[^.]*$)/, '=.'), 'credentials_malformed'],
    [
      'two after the claims',
      ({ genuine }) => genuine.replace(/\.(?=[^.]*$)/, '==.'),
      'credentials_malformed',
    ],
    ['before the token', ({ genuine }) => `=${genuine}`, 'credentials_malformed'],
    ['escaped', ({ genuine }) => `${genuine}%3D`, 'credentials_malformed'],
    [
      'signed, in the header',
      tokens => tokens.signSegments(`${tokens.segments[0]}==`, tokens.segments[1]),
      'credentials_malformed',
    ],
  ])('A14: no padding, %s (RFC 7515 §2)', async (_, make, reason) => {
    await expectRefused(make, reason)
  })

  it.each<[string, Make, Refusal]>([
    [
      '+ for -, signed so',
      tokens => tokens.signSegments(tokens.segments[0], bodyOfBothSigns(tokens).replaceAll('-', '+')),
      'token_not_canonical',
    ],
    [
      '/ for _, signed so',
      tokens => tokens.signSegments(tokens.segments[0], bodyOfBothSigns(tokens).replaceAll('_', '/')),
      'token_not_canonical',
    ],
    ['+ in the header', ({ genuine }) => `+${genuine.slice(1)}`, 'token_not_canonical'],
    ['/ in the signature', ({ genuine }) => `${genuine.slice(0, -1)}/`, 'token_signature_malformed'],
    ['~ in the signature', ({ genuine }) => `${genuine.slice(0, -1)}~`, 'token_signature_malformed'],
    [
      '~ before the signature',
      ({ genuine }) => genuine.replace(/\.(?=[^.]*$)/, '.~'),
      'token_signature_malformed',
    ],
    ['~ after the claims', ({ genuine }) => genuine.replace(/\.(?=[^.]*$)/, '~.'), 'token_not_canonical'],
    ['%2B', ({ genuine }) => `%2B${genuine}`, 'credentials_malformed'],
    ['%2E for a dot', ({ genuine }) => genuine.replace('.', '%2E'), 'credentials_malformed'],
    ['?', ({ genuine }) => `${genuine.slice(0, 9)}?${genuine.slice(9)}`, 'credentials_malformed'],
    ['é', ({ genuine }) => `${genuine.slice(0, 9)}é${genuine.slice(9)}`, 'credentials_malformed'],
    ['a soft hyphen', ({ genuine }) => genuine.replace('.', '\u00ad.'), 'credentials_malformed'],
    ['a space', ({ genuine }) => genuine.replace('.', '. '), 'credentials_malformed'],
    ['a tab', ({ genuine }) => genuine.replace('.', '\t.'), 'credentials_malformed'],
    ['a quote', ({ genuine }) => `"${genuine}"`, 'credentials_malformed'],
    ['a null', ({ genuine }) => `${genuine},null`, 'credentials_malformed'],
  ])('A16: none outside the base64url alphabet: %s (RFC 7515 §2)', async (_, make, reason) => {
    await expectRefused(make, reason)
  })

  it('A16: the signs of the alphabet itself are no trouble (RFC 4648 §5)', async () => {
    const { tokens, allowed } = api()
    const body = bodyOfBothSigns(tokens)
    expect(body).toMatch(/-.*_|_.*-/)
    await allowed(await tokens.signSegments(tokens.segments[0], body))
  })

  it('A17: no unused bits, even where the signature covers the odd text (RFC 4648 §3.5)', async () => {
    const { tokens, refused, allowed } = api()
    const [head, body] = tokens.segments
    const oddHeads = otherSpellings(head)
    expect(oddHeads.length).toBeGreaterThan(0)
    for (const odd of oddHeads) await refused(await tokens.signSegments(odd, body), 'token_not_canonical')
    const room = ['', 'x', 'xx'].map(x => encode(JSON.stringify({ ...tokens.claims, x })))
    const counts = room.map(segment => otherSpellings(segment).length)
    expect(counts.toSorted((a, b) => a - b)).toEqual([0, 3, 15])
    for (const segment of room) {
      await allowed(await tokens.signSegments(head, segment))
      for (const odd of otherSpellings(segment))
        await refused(await tokens.signSegments(head, odd), 'token_not_canonical')
    }
  })

  it('A17: not a single character too many in a segment, which decodes to nothing (RFC 4648 §4)', async () => {
    const { tokens, refused } = api()
    const [head] = tokens.segments
    const whole = ['', 'x', 'xx']
      .map(x => encode(JSON.stringify({ ...tokens.claims, x })))
      .find(segment => segment.length % 4 === 0)
    await refused(await tokens.signSegments(head, `${whole}A`), 'token_not_canonical')
  })
})

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const octets = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
const numberOf = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

describe('the signature of a token', () => {
  it('A10: is R || S and not DER (RFC 7518 §3.4)', async () => {
    const { tokens, refused } = api()
    const der = joseToDer(rawSignature(tokens))
    expect(der.length).toBeGreaterThan(64)
    await refused(withSignature(tokens, der), 'token_signature_malformed')
  })

  it.each<[string, (raw: Buffer) => Uint8Array]>([
    ['0 octets', () => Buffer.alloc(0)],
    ['1 octet', raw => raw.subarray(0, 1)],
    ['32 octets', raw => raw.subarray(0, 32)],
    ['63 octets', raw => raw.subarray(0, 63)],
    ['63 octets, the last ones', raw => raw.subarray(1)],
    ['65 octets, a zero behind', raw => Buffer.concat([raw, Buffer.alloc(1)])],
    ['65 octets, a zero before', raw => Buffer.concat([Buffer.alloc(1), raw])],
    [
      '66 octets, a zero before each half',
      raw => Buffer.concat([Buffer.alloc(1), raw.subarray(0, 32), Buffer.alloc(1), raw.subarray(32)]),
    ],
    ['128 octets, twice the same', raw => Buffer.concat([raw, raw])],
    ['128 octets, zeros behind', raw => Buffer.concat([raw, Buffer.alloc(64)])],
  ])('A11: is of 64 octets: not %s (RFC 7518 §3.4)', async (_, change) => {
    const { tokens, refused } = api()
    await refused(withSignature(tokens, change(rawSignature(tokens))), 'token_signature_malformed')
  })

  it('A11: has one form: the other S that verifies as well is refused', async () => {
    const { tokens, refused } = api()
    const raw = rawSignature(tokens)
    const highS = octets(order - numberOf(raw.subarray(32)))
    const twin = Buffer.concat([raw.subarray(0, 32), highS])
    await refused(withSignature(tokens, twin), 'token_signature_malformed')
  })

  it.each<[string, bigint, bigint]>([
    ['zeros', 0n, 0n],
    ['r = 0', 0n, 1n],
    ['s = 0', 1n, 0n],
    ['ones', 1n, 1n],
    ['r = n', order, 1n],
    ['r = n - 1', order - 1n, 1n],
    ['r of all ones', 2n ** 256n - 1n, 1n],
  ])('A11: is not one that opens any lock: %s (CVE-2022-21449)', async (_, r, s) => {
    const { tokens, refused } = api()
    await refused(withSignature(tokens, Buffer.concat([octets(r), octets(s)])), 'signature_invalid')
  })

  it('A11: is not S || R, nor that of another token, nor over anything but both segments', async () => {
    const { tokens, refused } = api()
    const [head, body] = tokens.segments
    const raw = rawSignature(tokens)
    const [r, s] = [raw.subarray(0, 32), raw.subarray(32)]
    const swapped = isLowS(r) ? 'signature_invalid' : 'token_signature_malformed'
    await refused(withSignature(tokens, Buffer.concat([s, r])), swapped)
    await refused(withSignature(tokens, Buffer.concat([octets(5n), s])), 'signature_invalid')
    const other = (await tokens.signed({ claims: { jti: 'another' } })).split('.')[2]
    await refused(`${head}.${body}.${other}`, 'signature_invalid')
    for (const input of [body, `${head}${body}`, tokens.texts.join('.'), `${body}.${head}`]) {
      await refused(withSignature(tokens, await tokens.rawSignature(input)), 'signature_invalid')
    }
  })

  it('A11: leaves the genuine token as good as it was', async () => {
    await api().allowed(api().tokens.genuine)
  })
})
