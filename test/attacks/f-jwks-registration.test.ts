import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Json, orders } from '../flow/local-stack.ts'
import { sendSigned } from '../flow/signed-request.ts'
import {
  ecJwk,
  ed25519Jwk,
  type Jwk,
  roughNumber,
  rsaJwk,
  rsaJwkOf,
} from '../lambda/oauth/support/client-jwks.ts'
import { rocaModulus } from '../lambda/oauth/support/roca-modulus.ts'
import { type Answer, useAttackedStack } from './support/attacked-stack.ts'

const attacked = useAttackedStack()

const ec: Jwk = { ...ecJwk(), kid: 'a' }
const ed: Jwk = { ...ed25519Jwk(), kid: 'b' }
const rsa: Jwk = { ...rsaJwk(), kid: 'c' }
const privateJwk = (type: 'ec' | 'rsa' | 'ed25519'): Jwk => {
  const { privateKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ed25519')
  return { ...privateKey.export({ format: 'jwk' }) }
}
const zeros = Buffer.alloc(32).toString('base64url')

const metadata = (members: Json): Json => ({
  client_name: 'hostile',
  grants: [{ resource: orders, scope: 'orders:read' }],
  token_endpoint_auth_method: 'private_key_jwt',
  ...members,
})

async function register(members: Json, method = 'POST', path = '/clients'): Promise<Answer> {
  const body = JSON.stringify(metadata(members))
  const answer = await sendSigned(attacked().stack, method, path, { body })
  const requestId = answer.headers.get('apigw-requestid') ?? ''
  return { ...answer, body: JSON.stringify(answer.body), requestId }
}

/** Refused with 400, in words that say what is wrong and repeat nothing. */
async function expectRefused(members: Json, problem: string, method?: 'PUT', path?: string): Promise<void> {
  const audit = method === 'PUT' ? 'client.update' : 'client.create'
  const answer = await attacked().refused(audit, () => register(members, method, path))
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    400,
    { error: 'invalid_client_metadata', error_description: expect.stringContaining(problem) },
  ])
  expect(answer.event.reason).toBe('invalid_client_metadata')
}

describe('a key that a client registers', () => {
  it.each<[string, Jwk, string]>([
    ['oct', { kty: 'oct', k: 'c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2g' }, 'symmetric'],
    ['oct without its octets', { kty: 'oct' }, 'symmetric'],
    ['oct in the dress of an EC key', { ...ec, kty: 'oct' }, 'symmetric'],
    ['an EC key with an octet string', { ...ec, k: 'c2VjcmV0' }, 'private members'],
    ['a private EC key', privateJwk('ec'), 'private members'],
    ['a private RSA key', privateJwk('rsa'), 'private members'],
    ['a private Ed25519 key', privateJwk('ed25519'), 'private members'],
    ['an RSA key with one of its primes', { ...rsa, p: 'AQAB' }, 'private members'],
    ['a private member that is null', { ...ec, d: null }, 'private members'],
    ['P-384', ecJwk('P-384'), 'crv'],
    ['secp256k1', ecJwk('secp256k1'), 'crv'],
    ['secp256k1 as P-256', { ...ecJwk('secp256k1'), crv: 'P-256' }, 'point'],
    ['a point that is not on the curve', { ...ec, x: zeros }, 'point'],
    ['the point at infinity', { ...ec, x: zeros, y: zeros }, 'point'],
    ['an EC key without y', { ...ec, y: undefined }, 'base64url'],
    ['a coordinate that is short', { ...ec, x: 'AAAA' }, '32 octets'],
    ['a coordinate with padding', { ...ec, x: `${ec.x}=` }, 'base64url'],
    ['X25519', { kty: 'OKP', crv: 'X25519', x: zeros }, 'crv'],
    ['an Ed25519 point of small order', { ...ed, x: zeros }, 'small order'],
    ['the neutral point of Ed25519', { ...ed, x: `AQ${zeros.slice(2)}` }, 'small order'],
    ['RSA of 1024 bits', rsaJwk(1024), 'bits'],
    ['RSA of 512 bits', rsaJwkOf(roughNumber(512)), 'bits'],
    ['RSA of 8192 bits', rsaJwkOf(roughNumber(8192)), 'bits'],
    ['an RSA exponent of 1', { ...rsa, e: 'AQ' }, 'exponent'],
    ['an RSA exponent of 3', { ...rsa, e: 'Aw' }, 'exponent'],
    ['an even RSA modulus', rsaJwkOf(2n ** 2047n), 'small factor'],
    ['an RSA modulus with a small factor', rsaJwkOf(3n * roughNumber(2047)), 'small factor'],
    ['a ROCA modulus', rsaJwkOf(rocaModulus()), 'CVE-2017-15361'],
    ['an RSA modulus with a zero before it', { ...rsa, n: `AA${zeros.slice(2)}` }, 'leading zero'],
    ['use enc', { ...ec, use: 'enc' }, 'use'],
    ['key_ops without verify', { ...ec, key_ops: ['sign'] }, 'key_ops'],
    ['key_ops for encryption', { ...rsa, key_ops: ['encrypt', 'wrapKey'] }, 'key_ops'],
    ['alg none', { ...ec, alg: 'none' }, 'alg'],
    ['alg HS256', { ...ec, alg: 'HS256' }, 'alg'],
    ['alg of another type', { ...ec, alg: 'RS256' }, 'alg'],
    ['alg of encryption', { ...rsa, alg: 'RSA-OAEP' }, 'alg'],
    ['a kid with a path', { ...ec, kid: '../../dev/null' }, 'kid'],
    ['a kid of 129 characters', { ...ec, kid: 'k'.repeat(129) }, 'kid'],
    ['a kid that is a number', { ...ec, kid: 1 }, 'kid'],
    ['a type that nobody knows', { ...ec, kty: 'AKP' }, 'kty'],
    ['no type', { ...ec, kty: undefined }, 'kty'],
    ['a certificate alone', { kty: 'RSA', x5c: ['MIIB'] }, 'base64url'],
    ['a URL of a certificate alone', { kty: 'RSA', x5u: 'http://127.0.0.1:9/' }, 'base64url'],
  ])('A29: is refused: %s (RFC 7517 §4, RFC 7518 §6)', async (_, jwk, problem) => {
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) attacked().keepSecret(String(jwk[name] ?? ''))
    await expectRefused({ jwks: { keys: [jwk] } }, problem)
    // Among good ones it is refused as well: one bad key spoils the set.
    await expectRefused({ jwks: { keys: [{ ...ecJwk(), kid: 'good' }, jwk] } }, 'key 2')
  })
})

describe('a set of keys that a client registers', () => {
  const eleven = Array.from({ length: 11 }, (_, index) => ({ ...ecJwk(), kid: `k${index}` }))
  const other = { ...ecJwk(), kid: 'other' }
  it.each<[string, unknown, string]>([
    ['no keys', { keys: [] }, '1 to 10 keys'],
    ['eleven keys', { keys: eleven }, '1 to 10 keys'],
    ['10,000 entries', { keys: Array.from({ length: 10_000 }, () => null) }, '1 to 10 keys'],
    ['a kid twice', { keys: [ec, { ...other, kid: ec.kid }] }, 'kid of a key before it'],
    ['a key twice', { keys: [ec, { ...ec, kid: 'again' }] }, 'is there already'],
    ['a key without a kid among others', { keys: [ec, { ...other, kid: undefined }] }, 'must have a kid'],
    ['keys of two algorithms', { keys: [ec, ed] }, 'several algorithms'],
    ['an entry of null', { keys: [null] }, 'not an object'],
    ['an entry of a list', { keys: [[ec]] }, 'not an object'],
    ['an entry of text', { keys: [JSON.stringify(ec)] }, 'not an object'],
    ['a list', [ec], 'list "keys"'],
    ['text', JSON.stringify({ keys: [ec] }), 'list "keys"'],
    ['a key in no set', ec, 'list "keys"'],
    ['keys as an object', { keys: { 0: ec, length: 1 } }, 'list "keys"'],
    ['null', null, 'list "keys"'],
    ['a number', 1, 'list "keys"'],
  ])('A29: is refused: %s (RFC 7517 §5)', async (_, jwks, problem) => {
    await expectRefused({ jwks }, problem)
  })

  it('A29: is not taken from a prototype', async () => {
    const jwks = JSON.parse(`{"__proto__":{"keys":[${JSON.stringify(ec)}]}}`)
    await expectRefused({ jwks }, 'list "keys"')
  })

  it('A29: is kept without the members that nobody asked for, and shown without (RFC 7517 §4)', async () => {
    const more = { x5u: 'http://127.0.0.1:9/chain.pem', x5c: ['MIIB'], 'x-note': 'kept nowhere', ext: true }
    const { client_id: clientId, ...created } = {
      ...(await attacked().stack.register(
        metadata({
          jwks: { keys: [{ ...ec, ...more }], note: 'x' },
        }),
      )),
    } as Json
    expect(created).not.toHaveProperty('client_secret')
    const shown = await attacked().stack.admin('GET', `/clients/${clientId}`)
    for (const document of [created, shown.body]) {
      expect(document.jwks).toEqual({ keys: [{ ...ec, alg: 'ES256', use: 'sig' }] })
      expect(document.secrets).toEqual([])
    }
    const secret = await attacked().stack.admin('POST', `/clients/${clientId}/secrets`, {})
    expect([secret.status, secret.body.error]).toEqual([400, 'invalid_request'])
  })
})

describe('where the keys of a client are', () => {
  const uri = 'https://keys.example.com/jwks.json'
  it.each<[string, Json, string]>([
    ['nowhere', {}, 'exactly one of jwks and jwks_uri'],
    ['in two places', { jwks: { keys: [ec] }, jwks_uri: uri }, 'exactly one of jwks and jwks_uri'],
    [
      'with a method of secrets',
      { jwks: { keys: [ec] }, token_endpoint_auth_method: 'client_secret_basic' },
      'private_key_jwt only',
    ],
    [
      'at a URI, with a method of secrets',
      { jwks_uri: uri, token_endpoint_auth_method: 'client_secret_post' },
      'private_key_jwt only',
    ],
    [
      'with no method',
      { jwks: { keys: [ec] }, token_endpoint_auth_method: 'none' },
      'token_endpoint_auth_method',
    ],
    [
      'with a method of shared keys',
      { jwks: { keys: [ec] }, token_endpoint_auth_method: 'client_secret_jwt' },
      'token_endpoint_auth_method',
    ],
    [
      'with the algorithm none',
      { jwks: { keys: [ec] }, token_endpoint_auth_signing_alg: 'none' },
      'token_endpoint_auth_signing_alg',
    ],
    [
      'with an algorithm of shared keys',
      { jwks: { keys: [ec] }, token_endpoint_auth_signing_alg: 'HS256' },
      'token_endpoint_auth_signing_alg',
    ],
    [
      'with the algorithm of another type',
      { jwks: { keys: [ec] }, token_endpoint_auth_signing_alg: 'RS256' },
      'RS256',
    ],
    ['as text', { jwks_uri: 1 }, 'jwks_uri'],
    ['in a list', { jwks_uri: [uri] }, 'jwks_uri'],
  ])('F14: is said once and fits the method: not %s (RFC 7591 §2)', async (_, members, problem) => {
    await expectRefused(members, problem)
  })

  it.each([
    'http://keys.example.com/jwks.json',
    'http://127.0.0.1:5000/jwks.json',
    'https://127.0.0.1/jwks.json',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[fd00:ec2::254]/latest/meta-data/',
    'https://169.254.169.254/latest/meta-data/iam/security-credentials/',
    'https://169.254.170.2/v2/credentials',
    'https://10.0.0.1/',
    'https://192.168.0.1/',
    'https://172.16.0.1/',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://255.255.255.255/',
    'https://localhost/',
    'https://keys.localhost/',
    'https://intranet/',
    'https://keys.example.com./',
    'https://keys.example.com:8443/',
    'https://keys.example.com:22/',
    'https://user@keys.example.com/',
    'https://user:password@keys.example.com/',
    'https://keys.example.com\\@127.0.0.1/',
    'https://keys.example.com/#fragment',
    'https://keys.example.com/a b',
    'https://keys.example.com/\r\nHost: evil',
    'https://bücher.example/',
    'https://①②⑦.0.0.1/',
    'HTTPS://KEYS.EXAMPLE.COM/',
    'file:///etc/passwd',
    'file:///proc/self/environ',
    'ftp://keys.example.com/',
    'gopher://keys.example.com/',
    'data:application/json,{"keys":[]}',
    'javascript:alert(1)',
    'jar:https://keys.example.com/!/',
    '//keys.example.com/',
    '/jwks.json',
    'keys.example.com',
    '',
    `https://keys.example.com/${'a'.repeat(500)}`,
  ])('F14: is a URL of a public host: not %s (RFC 7591 §2)', async jwks_uri => {
    await expectRefused({ jwks_uri }, 'jwks_uri must be an https URL of a public host')
  })

  it('F14: is no worse after an update, which leaves the client as it was (RFC 7592 §2.2)', async () => {
    const { stack } = attacked()
    const client = await stack.register(metadata({ jwks: { keys: [ec] } }))
    const path = `/clients/${client.client_id}`
    const wrong: [Json, string][] = [
      [{ jwks: { keys: [{ ...ec, d: zeros }] } }, 'private members'],
      [{ jwks: { keys: [rsaJwk(1024)] } }, 'bits'],
      [{ jwks: { keys: [{ kty: 'oct', k: zeros }] } }, 'symmetric'],
      [{ jwks_uri: 'https://169.254.169.254/' }, 'public host'],
      [{ jwks_uri: uri, jwks: { keys: [ec] } }, 'exactly one'],
      [{}, 'exactly one'],
      [{ jwks: { keys: [ec] }, token_endpoint_auth_method: 'client_secret_basic' }, 'private_key_jwt only'],
    ]
    for (const [members, problem] of wrong) {
      await expectRefused({ ...members, version: client.version }, problem, 'PUT', path)
    }
    const { body } = await stack.admin('GET', path)
    expect([body.version, body.jwks]).toEqual([
      client.version,
      { keys: [{ ...ec, alg: 'ES256', use: 'sig' }] },
    ])
  })
})
