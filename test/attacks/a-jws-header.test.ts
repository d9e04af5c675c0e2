import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { derToJoseLowS } from '../../lambda/oauth/ecdsa-signature.ts'
import type { Json } from '../flow/local-stack.ts'
import { type Refusal, useAttackedApi } from './support/attacked-api.ts'
import { encode } from './support/hostile-tokens.ts'

const api = useAttackedApi()

/** Someone else's key. */
const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const attackerJwk = attacker.publicKey.export({ format: 'jwk' })
const certificate = attacker.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')

/** A server that nothing may be fetched from. */
const bait = createServer((_, response) => response.end(JSON.stringify({ keys: [attackerJwk] })))
const fetched: unknown[] = []
const baitUrl = () => `http://127.0.0.1:${(bait.address() as AddressInfo).port}/jwks.json`

beforeAll(async () => {
  bait.on('request', ({ url }) => fetched.push(url))
  await once(bait.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => {
  bait.close()
  expect(fetched).toEqual([])
})

function signedBy(privateKey: KeyObject, header: Json, claims: Json): string {
  const input = [header, claims].map(part => encode(JSON.stringify(part))).join('.')
  return `${input}.${encode(derToJoseLowS(sign('sha256', Buffer.from(input), privateKey)) ?? '')}`
}

/** Nothing is wrong with the signature: the server's own key has signed this header. */
async function expectHeaderRefused(changes: Json): Promise<void> {
  const { tokens, refused } = api()
  await refused(await tokens.signed({ header: changes }), 'token_header_refused')
}

async function expectTextRefused(
  make: (text: string) => string | Uint8Array,
  reason: Refusal,
): Promise<void> {
  const { tokens, refused } = api()
  await refused(await tokens.signTexts(make(tokens.texts[0]), tokens.texts[1]), reason)
}

describe('the algorithm', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'none\u0000', ''])(
    'A1, A2: is not %j, with no signature, a signature, or one of the server (RFC 7518 §3.6)',
    async alg => {
      const { tokens, refused } = api()
      const unsigned = [{ ...tokens.header, alg }, tokens.claims].map(part => encode(JSON.stringify(part)))
      await refused(`${unsigned.join('.')}.`, 'token_header_refused')
      await refused(`${unsigned.join('.')}.${tokens.segments[2]}`, 'token_header_refused')
      await expectHeaderRefused({ alg })
    },
  )

  it('A1: is not none with the claims of another, without typ and kid (CVE-2015-9235)', async () => {
    const { tokens, refused } = api()
    const claims = encode(JSON.stringify({ ...tokens.claims, scope: 'orders:admin' }))
    await refused(`${encode('{"alg":"none"}')}.${claims}.`, 'token_header_refused')
    await refused(`${encode('{"alg":"none","typ":"JWT"}')}.${claims}.`, 'token_header_refused')
  })

  it.each([
    ['none', '\\u006eone'],
    ['none', 'n\\u006fne'],
    ['ES256', '\\u0045S256'],
  ])('A2: %s is not spelled %s (RFC 8259 §8.3)', async (_, spelling) => {
    await expectTextRefused(text => text.replace('"ES256"', `"${spelling}"`), 'token_not_canonical')
  })

  it.each([
    ...['HS256', 'HS384', 'HS512', 'RS384', 'RS512', 'PS384', 'PS512'],
    ...['ES384', 'ES512', 'ES256K', 'Ed25519', 'ML-DSA-44', 'dir', 'A256GCM', 'ECDH-ES'],
  ])('A5: is not %s: no key of ours has that algorithm (RFC 8725 §3.1)', async alg => {
    await expectHeaderRefused({ alg })
  })

  it.each([
    ['RS256', 'token_signature_malformed'],
    ['PS256', 'token_signature_malformed'],
    ['EdDSA', 'key_unknown'],
  ] as const)('A5: is not %s: the key has one algorithm (RFC 8725 §3.1)', async (alg, reason) => {
    const { tokens, refused } = api()
    await refused(await tokens.signed({ header: { alg } }), reason)
  })

  it.each<[string, (key: KeyObject) => string | Buffer]>([
    ['PEM', key => key.export({ format: 'pem', type: 'spki' })],
    ['PEM without its last line end', key => key.export({ format: 'pem', type: 'spki' }).toString().trim()],
    ['DER', key => key.export({ format: 'der', type: 'spki' })],
    ['JWK', key => JSON.stringify(key.export({ format: 'jwk' }))],
    ['x', key => Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url')],
    ['x as text', key => String(key.export({ format: 'jwk' }).x)],
    ['point', key => key.export({ format: 'der', type: 'spki' }).subarray(-65)],
    ['kid', () => String(api().tokens.header.kid)],
    ['nothing', () => ''],
  ])('A5: is not HMAC with the public key (%s) as its secret (CVE-2016-10555)', async (_, secretOf) => {
    const { tokens, refused, attacked } = api()
    const { keys } = (await (await fetch(attacked.stack.endpoints.jwksUri)).json()) as { keys: Json[] }
    for (const published of keys)
      expect(published).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    const secret = secretOf(createPublicKey({ key: keys[0] ?? {}, format: 'jwk' }))
    for (const hash of ['256', '384', '512']) {
      const input = `${encode(JSON.stringify({ ...tokens.header, alg: `HS${hash}` }))}.${tokens.segments[1]}`
      const mac = createHmac(`sha${hash}`, secret).update(input).digest('base64url')
      await refused(`${input}.${mac}`, 'token_header_refused')
    }
    const [head, body] = tokens.segments
    const mac = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')
    await refused(`${head}.${body}.${mac}`, 'token_signature_malformed')
  })

  it.each([[['ES256']], [['none', 'ES256']], [1], [256], [true], [null], [{ ES256: 1 }], [undefined]])(
    'A7: is a text: not %j (RFC 7515 §4.1.1)',
    async alg => expectHeaderRefused({ alg }),
  )

  it.each(['es256', 'Es256', 'ES256\u0000', ' ES256', 'ES256 ', 'ES256\n', 'ES-256', 'EꞩS256', 'ES２56'])(
    'A8: is ES256 to the letter: not %j (RFC 7515 §4.1.1)',
    async alg => expectHeaderRefused({ alg }),
  )
})

describe('the type', () => {
  it.each(['at+jwt', 'AT+JWT', 'At+Jwt', 'application/at+jwt', 'Application/AT+JWT'])(
    'A41: may be %s (RFC 9068 §2.1, RFC 7515 §4.1.9)',
    async typ => {
      const { tokens, allowed } = api()
      await allowed(await tokens.signed({ header: { typ } }))
    },
  )

  it.each(
    [
      ...[
        'JWT',
        'jwt',
        'JOSE',
        'id_token',
        'dpop+jwt',
        'client-authentication+jwt',
        'logout+jwt',
        'secevent+jwt',
      ],
      ...[
        'token-introspection+jwt',
        'oauth-authz-req+jwt',
        'rt+jwt',
        'at+jwt+x',
        'at+jwt ',
        ' at+jwt',
        'at+jwt\n',
      ],
      ...[
        'at+jwt;v=1',
        'text/at+jwt',
        'application/application/at+jwt',
        'application/',
        'at jwt',
        'aſt+jwt',
        '',
      ],
      ...[undefined, null, 1, ['at+jwt'], { 'at+jwt': 1 }],
    ].map(typ => [typ]),
  )('A41: is no other: not %j (RFC 9068 §4, RFC 8725 §3.11)', async typ => {
    await expectHeaderRefused({ typ })
  })
})

describe('a member that asks for something else', () => {
  it.each<[string, Json]>([
    ['A19', { crit: ['x'], x: 1 }],
    ['A19', { crit: ['exp'], exp: 4102444800 }],
    ['A19', { crit: ['http://example.com/UNDEFINED'], 'http://example.com/UNDEFINED': true }],
    ['A20', { crit: [] }],
    ['A20', { crit: 'b64', b64: true }],
    ['A20', { crit: ['absent'] }],
    ['A20', { crit: ['alg'] }],
    ['A20', { crit: ['crit'] }],
    ['A20', { crit: null }],
    ['A20', { crit: [null] }],
    ['A20', { crit: ['x', 'x'], x: 1 }],
    ['A22', { b64: false }],
    ['A22', { b64: true }],
    ['A22', { b64: false, crit: ['b64'] }],
    ['A25', { x5c: [certificate] }],
    ['A25', { x5c: [] }],
    ['A25', { x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
    ['A25', { 'x5t#S256': encode(Buffer.alloc(32)) }],
    ['A31', { cty: 'JWT' }],
    ['A31', { zip: 'DEF' }],
    ['A31', { enc: 'A256GCM' }],
    ['A31', { epk: attackerJwk }],
    ['A31', { p2c: 2_147_483_647, p2s: 'AA' }],
    ['A31', { iss: 'https://evil.example' }],
    ['A31', { '': 1 }],
    ['A31', { x: null }],
  ])('%s: is refused, known or not: %j (RFC 7515 §4.1)', async (_, members) => {
    await expectHeaderRefused(members)
  })

  it('A22: is refused with claims that are not encoded (RFC 7797 §3)', async () => {
    const { tokens, refused } = api()
    const head = encode(JSON.stringify({ ...tokens.header, b64: false, crit: ['b64'] }))
    await refused(await tokens.signSegments(head, tokens.texts[1]), 'credentials_malformed')
    await refused(await tokens.signSegments(head, 'claims'), 'token_header_refused')
  })

  it.each(['jku', 'x5u'])('A23: is refused as %s, and nothing is fetched (RFC 8725 §3.10)', async name => {
    const { tokens, refused } = api()
    const header = { ...tokens.header, kid: 'attacker', [name]: baitUrl() }
    await refused(signedBy(attacker.privateKey, header, tokens.claims), 'token_header_refused')
    await expectHeaderRefused({ [name]: baitUrl() })
    await expectHeaderRefused({ [name]: 'file:///etc/passwd' })
  })

  it('A23: is refused as a key that the token brings along (CVE-2018-0114)', async () => {
    const { tokens, refused } = api()
    for (const header of [
      { ...tokens.header, jwk: attackerJwk },
      { alg: 'ES256', typ: 'at+jwt', jwk: attackerJwk },
      { alg: 'ES256', typ: 'at+jwt', kid: attackerJwk },
    ]) {
      await refused(signedBy(attacker.privateKey, header, tokens.claims), 'token_header_refused')
    }
    await expectHeaderRefused({ jwk: {} })
  })

  it('A31: is refused with compressed claims, which stay compressed (RFC 8725 §3.6)', async () => {
    const { tokens, refused } = api()
    const claims = deflateRawSync(Buffer.from(tokens.texts[1]))
    const head = JSON.stringify({ ...tokens.header, zip: 'DEF' })
    await refused(await tokens.signTexts(head, claims), 'token_header_refused')
    await refused(await tokens.signTexts(tokens.texts[0], claims), 'token_not_canonical')
  })

  it('A31: is refused around a token that is good by itself (RFC 7519 §5.2)', async () => {
    const { tokens, refused } = api()
    const nested = JSON.stringify({ ...tokens.header, cty: 'JWT' })
    await refused(await tokens.signTexts(nested, tokens.genuine), 'token_header_refused')
    await refused(await tokens.signTexts(tokens.texts[0], tokens.genuine), 'token_not_canonical')
    await refused(await tokens.signTexts(tokens.texts[0], `"${tokens.genuine}"`), 'token_not_canonical')
  })
})
