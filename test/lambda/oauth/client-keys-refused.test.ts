import { describe, expect, it } from 'vitest'
import { parseClientJwks } from '../../../lambda/oauth/client-keys.ts'
import {
  base64url,
  ecJwk,
  ed25519Jwk,
  type Jwk,
  roughNumber,
  rsaJwk,
  rsaJwkOf,
} from './support/client-jwks.ts'
import { rocaModulus } from './support/roca-modulus.ts'

const ec = ecJwk()
const ed = ed25519Jwk()
const rsa = rsaJwk()
const problem = (jwk: unknown) => parseClientJwks({ keys: [jwk] }, undefined)

/** The octets of a member with one bit of its last octet, or of another, changed. */
function changed(member: unknown, octet = 31): string {
  const octets = Buffer.from(String(member), 'base64url')
  octets[octet] = (octets[octet] ?? 0) ^ 1
  return octets.toString('base64url')
}

describe('a key is refused', () => {
  it.each([
    ['oct', { kty: 'oct', k: 'c2VjcmV0' }],
    ['oct without k', { kty: 'oct' }],
    ['oct in the dress of an EC key', { ...ec, kty: 'oct' }],
  ])('that is symmetric: %s', (_, jwk) => {
    expect(problem(jwk)).toBe('jwks: key 1 is a symmetric key: register a public key')
  })

  it.each([undefined, null, 'ec', 'EC ', 'RSA1_5', 'AKP', '__proto__', 1, ['EC']])('whose kty is %j', kty => {
    expect(problem({ ...ec, kty })).toBe('jwks: key 1 has another kty than EC, OKP or RSA')
  })

  it.each([null, '', 1, 'a b', 'a/b', 'a+b', 'ä', 'a\n', '\0', '../x', 'k'.repeat(129), ['a']])(
    'whose kid is %j',
    kid => {
      expect(problem({ ...ec, kid })).toBe(
        'jwks: key 1 has a kid that is not 1 to 128 of A-Z a-z 0-9 . _ ~ : = -',
      )
    },
  )

  it.each([null, 'enc', '', 'SIG', ['sig']])('whose use is %j (RFC 7517 §4.2)', use => {
    expect(problem({ ...ec, use })).toBe('jwks: key 1 has another use than sig')
  })

  it.each([null, [], ['sign'], ['encrypt', 'wrapKey'], 'verify', { 0: 'verify' }, [['verify']]])(
    'whose key_ops are %j (RFC 7517 §4.3)',
    key_ops => {
      expect(problem({ ...ec, key_ops })).toBe('jwks: key 1 has key_ops without verify')
    },
  )

  it('whose key_ops repeat one (RFC 7517 §4.3)', () => {
    expect(problem({ ...ec, key_ops: ['verify', 'verify'] })).toBe('jwks: key 1 has key_ops that repeat one')
  })

  it.each<[Jwk, unknown[], string]>([
    [ec, ['ES384', 'RS256', 'none', 'es256', '', null, 1, ['ES256']], 'ES256'],
    [ed, ['ES256', 'ed25519', 'Ed448', 'EDDSA', null], 'EdDSA'],
    [rsa, ['RS384', 'PS512', 'RSA-OAEP', 'HS256', 'none', null], 'RS256 or PS256'],
  ])('whose alg does not fit its type (RFC 7517 §4.4): case %#', (jwk, algorithms, expected) => {
    for (const alg of algorithms) {
      expect(problem({ ...jwk, alg })).toBe(`jwks: key 1 has another alg than ${expected}`)
    }
  })
})

describe('an EC key is refused', () => {
  it('of another curve (RFC 7518 §3.4)', () => {
    for (const jwk of [ecJwk('P-384'), ecJwk('P-521'), ecJwk('secp256k1'), { ...ec, crv: undefined }]) {
      expect(problem(jwk)).toBe('jwks: key 1 has another crv than P-256')
    }
  })

  it('whose point is not on the curve (RFC 7518 §6.2.2, NIST SP 800-56A §5.6.2.3)', () => {
    const zero = base64url(0n, 32)
    const wrong = [
      { ...ec, x: changed(ec.x) },
      { ...ec, y: changed(ec.y) },
      { ...ec, x: ec.y, y: ec.x },
      { ...ec, x: zero, y: zero },
      { ...ec, ...pick(ecJwk('secp256k1')) },
    ]
    for (const jwk of wrong) expect(problem(jwk)).toBe('jwks: key 1 is not a point of its curve')
  })

  it('whose coordinates are not below the field’s prime', () => {
    const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
    // The point with x = 0: its y is a square root of b. Only x = 0 and x = 5 leave room for x + p in 32 octets here.
    const y = '66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4'
    const point = { kty: 'EC', crv: 'P-256', y: Buffer.from(y, 'hex').toString('base64url') }
    expect(problem({ ...point, x: base64url(0n, 32) })).not.toBeTypeOf('string')
    expect(problem({ ...point, x: base64url(prime, 32) })).toBe('jwks: key 1 is not a point of its curve')
  })

  it('whose coordinates are not 32 octets long (RFC 7518 §6.2.1.2)', () => {
    const x = Buffer.from(String(ec.x), 'base64url')
    for (const octets of [x.subarray(1), Buffer.concat([Buffer.alloc(1), x]), Buffer.concat([x, x])]) {
      for (const name of ['x', 'y']) {
        expect(problem({ ...ec, [name]: octets.toString('base64url') })).toBe(
          'jwks: key 1 has coordinates that are not 32 octets long',
        )
      }
    }
  })
})

describe('an Ed25519 key is refused', () => {
  it.each(['X25519', 'Ed448', 'P-256', undefined])('whose crv is %s (RFC 8037 §2)', crv => {
    expect(problem({ ...ed, crv })).toBe('jwks: key 1 has another crv than Ed25519')
  })

  it('whose x is not 32 octets long (RFC 8032 §5.1.3)', () => {
    const x = Buffer.from(String(ed.x), 'base64url')
    for (const octets of [x.subarray(1), Buffer.concat([x, Buffer.alloc(1)])]) {
      expect(problem({ ...ed, x: octets.toString('base64url') })).toBe(
        'jwks: key 1 has an x that is not 32 octets long',
      )
    }
  })
})

describe('an RSA key is refused', () => {
  it.each([1024, 2040, 2047, 4097, 4104, 8192])('whose modulus has %i bits (RFC 7518 §3.3)', bits => {
    expect(problem(rsaJwkOf(roughNumber(bits)))).toBe(
      'jwks: key 1 has an RSA modulus that is not of 2048 to 4096 bits',
    )
  })

  it.each([1n, 3n, 17n, 65536n, 65539n])('whose exponent is %i', e => {
    expect(problem({ ...rsa, e: base64url(e) })).toBe('jwks: key 1 has another RSA exponent than 65537')
  })

  it('whose exponent has a leading zero (RFC 7518 §6.3.1.2)', () => {
    expect(problem({ ...rsa, e: base64url(65537n, 4) })).toBe(
      'jwks: key 1 has another RSA exponent than 65537',
    )
  })

  it('whose modulus has a leading zero (RFC 7518 §6.3.1.1)', () => {
    const n = base64url(roughNumber(2048), 257)
    expect(problem({ ...rsa, n })).toBe('jwks: key 1 has an RSA modulus with a leading zero')
  })

  it.each([2n, 3n, 5n, 167n, 1009n, 1999n])('whose modulus has the factor %i', factor => {
    expect(problem(rsaJwkOf(factor * roughNumber(2050)))).toBe(
      'jwks: key 1 has an RSA modulus with a small factor',
    )
  })

  it('that the generator of CVE-2017-15361 made', () => {
    expect(problem(rsaJwkOf(rocaModulus()))).toBe(
      'jwks: key 1 has an RSA modulus of a vulnerable key generator (CVE-2017-15361): make a new key',
    )
  })
})

describe('a member is refused', () => {
  const cases: [Jwk, string][] = [
    [ec, 'x'],
    [ec, 'y'],
    [ed, 'x'],
    [rsa, 'n'],
    [rsa, 'e'],
  ]
  it.each(cases)('that is not canonical base64url without padding (RFC 7515 §2): case %#', (jwk, name) => {
    const member = String(jwk[name])
    const standard = Buffer.from([251, 255, ...Buffer.from(member, 'base64url').subarray(2)]).toString(
      'base64',
    )
    const spellings = [
      `${member}=`,
      ` ${member}`,
      `${member}\n`,
      `${member}!`,
      standard,
      '',
      null,
      1,
      [member],
    ]
    for (const spelling of [...spellings, undefined, { toString: () => member }]) {
      expect(problem({ ...jwk, [name]: spelling })).toBe(
        'jwks: key 1 has members that are not canonical base64url without padding',
      )
    }
  })

  it('whose last character has bits that mean nothing (RFC 4648 §3.5)', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const jwk of [ec, ed]) {
      const x = String(jwk.x)
      const spare = alphabet[alphabet.indexOf(x.slice(-1)) + 1]
      expect(problem({ ...jwk, x: x.slice(0, -1) + spare })).toBe(
        'jwks: key 1 has members that are not canonical base64url without padding',
      )
    }
  })
})

function pick({ x, y }: Jwk): Jwk {
  return { x, y }
}
