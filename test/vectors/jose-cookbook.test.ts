import { expect, it } from 'vitest'
import { parseClientJwks } from '../../lambda/oauth/client-keys.ts'
import { parseJws } from '../../lambda/oauth/jws.ts'
import { isRefusedByTheGate } from './access-token-verdict.ts'
import { readSegments, verdictOf } from './signature-verdict.ts'
import { describeVectors } from './vector-folder.ts'
import type { Jwk } from './wycheproof.ts'

interface Output {
  readonly compact?: string
  readonly json?: object
  readonly json_flat?: object
}

interface Example {
  readonly input: { readonly key: Jwk }
  readonly output: Output
}

const signatures = [
  'jws/4_1.rsa_v15_signature',
  'jws/4_2.rsa-pss_signature',
  'jws/4_3.ecdsa_signature',
  'jws/4_4.hmac-sha2_integrity_protection',
  'jws/4_5.signature_with_detached_content',
  'jws/4_6.protecting_specific_header_fields',
  'jws/4_7.protecting_content_only',
  'jws/4_8.multiple_signatures',
  'rfc7797/4.2.hmac-sha2_b64_false',
  'rfc7797/hmac-sha2_b64_false',
  'curve25519/jws',
]

const encryptions = [
  'jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2',
  'jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm',
  'jwe/5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2',
  'jwe/5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm',
  'jwe/5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2',
  'jwe/5_6.direct_encryption_using_aes-gcm',
  'jwe/5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2',
  'jwe/5_8.key_wrap_using_aes-keywrap_with_aes-gcm',
  'jwe/5_9.compressed_content',
  'jwe/5_10.including_additional_authentication_data',
  'jwe/5_11.protecting_specific_header_fields',
  'jwe/5_12.protecting_content_only',
  'jwe/5_13.encrypting_to_multiple_recipients',
  'curve25519/ecdh-es',
]

/** The public part of a key, as a client registers it. */
function publicKey({ d, p, q, dp, dq, qi, ...others }: Jwk): Jwk {
  return others
}

/** Every serialisation of an example, as the text that it would be sent as. */
function serialisations({ compact, json, json_flat }: Output): string[] {
  return [compact, json, json_flat].flatMap(form =>
    form === undefined ? [] : [typeof form === 'string' ? form : JSON.stringify(form)],
  )
}

describeVectors('the JOSE cookbook (RFC 7520, RFC 7797, RFC 8037)', readFile => {
  const read = <Shape = Example>(name: string) => readFile<Shape>(`ietf-jose-cookbook/${name}.json`)
  const verdict = ({ input, output }: Example) => verdictOf(output.compact ?? '', publicKey(input.key))

  it.each([
    ['RS256', 'RFC 7520 §4.1', 'jws/4_1.rsa_v15_signature'],
    ['EdDSA with Ed25519', 'RFC 8037 §A.4', 'curve25519/jws'],
  ])('verifies %s (%s)', (_, _clause, name) => {
    expect(verdict(read(name))).toBe('verified')
  })

  it.each([
    ['PS384', 'RFC 7520 §4.2', 'jws/4_2.rsa-pss_signature', 'algorithm refused'],
    ['ES512', 'RFC 7520 §4.3', 'jws/4_3.ecdsa_signature', 'key refused'],
    ['HS256', 'RFC 7520 §4.4', 'jws/4_4.hmac-sha2_integrity_protection', 'key refused'],
    ['an unencoded payload', 'RFC 7797 §4.2', 'rfc7797/hmac-sha2_b64_false', 'malformed'],
  ])('refuses %s (%s)', (_, _clause, name, expected) => {
    expect(verdict(read(name))).toBe(expected)
  })

  it('refuses detached content, whose payload is empty (RFC 7520 §4.5, RFC 7515 appendix F)', () => {
    const { compact = '' } = read('jws/4_5.signature_with_detached_content').output
    expect(compact).toMatch(/^[\w-]+\.\.[\w-]+$/)
    expect(parseJws(compact)).toBeUndefined()
    // Nor is its signature one over nothing.
    expect(verdict(read('jws/4_5.signature_with_detached_content'))).toBe('key refused')
  })

  it.each([...signatures, ...encryptions])(
    'refuses every JSON serialisation: %s (RFC 7515 §7.2, RFC 7516 §7.2)',
    name => {
      const { json, json_flat } = read(name).output
      const texts = serialisations({ ...(json && { json }), ...(json_flat && { json_flat }) })
      expect(texts.length).toBeGreaterThan(0)
      expect(texts.filter(text => parseJws(text) ?? readSegments(text))).toEqual([])
    },
  )

  it.each(encryptions)('refuses what is encrypted: %s (RFC 7516 §9)', name => {
    const texts = serialisations(read(name).output)
    expect(texts.filter(text => parseJws(text) ?? readSegments(text))).toEqual([])
  })

  it.each([...signatures, ...encryptions])('is never an access token: %s (RFC 9068 §4)', async name => {
    for (const text of serialisations(read(name).output)) expect(await isRefusedByTheGate(text)).toBe(true)
  })

  it('verifies a signed JWT by itself, and never looks into one that is encrypted around it (RFC 7520 §6)', async () => {
    const name = '6.nesting_signatures_and_encryption'
    const { sign, encrypt } = read<{ sign: Example; encrypt: Example }>(name)
    const { compact = '' } = sign.output
    expect(verdictOf(compact, { ...publicKey(sign.input.key), alg: 'PS256' })).toBe('verified')
    expect(parseJws(compact)).toMatchObject({
      header: { alg: 'PS256', typ: 'JWT' },
      payload: { iss: 'hobbiton.example', exp: 1_300_819_380, 'http://example.com/is_root': true },
    })
    for (const text of serialisations(encrypt.output)) {
      expect(parseJws(text)).toBeUndefined()
      expect(await isRefusedByTheGate(text)).toBe(true)
    }
    expect(await isRefusedByTheGate(compact)).toBe(true)
  })

  it.each([
    ['a public P-521 key', 'jwk/3_1.ec_public_key', 'has another crv than P-256'],
    ['a private P-521 key', 'jwk/3_2.ec_private_key', 'has private members: register the public key only'],
    ['a private RSA key', 'jwk/3_4.rsa_private_key', 'has private members: register the public key only'],
    ['a symmetric key', 'jwk/3_5.symmetric_key_mac_computation', 'is a symmetric key: register a public key'],
    [
      'a key to encrypt with',
      'jwk/3_6.symmetric_key_encryption',
      'is a symmetric key: register a public key',
    ],
  ])('does not register %s (RFC 7520 §3)', (_, name, problem) => {
    const { kid, ...key } = read<Jwk>(name)
    expect(parseClientJwks({ keys: [key] }, undefined)).toBe(`jwks: key 1 ${problem}`)
  })

  it('registers the public RSA key (RFC 7520 §3.3)', () => {
    const { kid, n, ...key } = read<Jwk>('jwk/3_3.rsa_public_key')
    const jwk = { e: 'AQAB', kty: 'RSA', n }
    expect(parseClientJwks({ keys: [{ ...key, n }] }, 'PS256')).toEqual([
      { kid: undefined, algorithm: 'PS256', jwk },
    ])
  })
})
