import { createHash, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type ClientKey, parseClientJwks } from '../../../lambda/oauth/client-keys.ts'
import { type JwsAlgorithm, thumbprint } from '../../../lambda/oauth/public-key.ts'
import { ecJwk, ed25519Jwk, type Jwk, roughNumber, rsaJwk, rsaJwkOf } from './support/client-jwks.ts'

const ec = ecJwk()
const otherEc = ecJwk()
const ed = ed25519Jwk()
const rsa = rsaJwk()

function parsed(keys: readonly Jwk[], algorithm?: JwsAlgorithm): readonly ClientKey[] {
  const result = parseClientJwks({ keys }, algorithm)
  if (typeof result === 'string') throw new Error(result)
  return result
}

const problem = (keys: unknown, algorithm?: JwsAlgorithm) => parseClientJwks({ keys }, algorithm)

describe('the keys of a client', () => {
  it('are of three types, each with its algorithm and its public members in the order of a thumbprint (RFC 7638 §3.2)', () => {
    const keys = parsed([
      { ...ec, kid: 'a' },
      { ...ed, kid: 'b' },
      { ...rsa, kid: 'c' },
    ])
    expect(keys).toEqual([
      { kid: 'a', algorithm: 'ES256', jwk: { crv: 'P-256', kty: 'EC', x: ec.x, y: ec.y } },
      { kid: 'b', algorithm: 'EdDSA', jwk: { crv: 'Ed25519', kty: 'OKP', x: ed.x } },
      { kid: 'c', algorithm: 'RS256', jwk: { e: 'AQAB', kty: 'RSA', n: rsa.n } },
    ])
    expect(keys.map(({ jwk }) => Object.keys(jwk).join())).toEqual(['crv,kty,x,y', 'crv,kty,x', 'e,kty,n'])
  })

  it.each<[string | undefined, JwsAlgorithm | undefined, JwsAlgorithm]>([
    [undefined, undefined, 'RS256'],
    ['RS256', undefined, 'RS256'],
    ['PS256', undefined, 'PS256'],
    [undefined, 'RS256', 'RS256'],
    [undefined, 'PS256', 'PS256'],
    ['PS256', 'PS256', 'PS256'],
    ['RS256', 'RS256', 'RS256'],
  ])('of RSA with alg %s, for a client of %s, are for %s (RFC 7517 §4.4)', (alg, registered, algorithm) => {
    expect(parsed([{ ...rsa, ...(alg && { alg }) }], registered)[0]?.algorithm).toBe(algorithm)
  })

  it.each<[Jwk, JwsAlgorithm]>([
    [ec, 'ES256'],
    [ed, 'EdDSA'],
  ])('need no alg where the type has one algorithm', (jwk, algorithm) => {
    for (const registered of [undefined, algorithm]) {
      expect(parsed([jwk], registered)[0]?.algorithm).toBe(algorithm)
      expect(parsed([{ ...jwk, alg: algorithm }], registered)[0]?.algorithm).toBe(algorithm)
    }
  })

  it('need a kid only where there is more than one', () => {
    expect(parsed([ec])[0]?.kid).toBeUndefined()
    expect(problem([ec, { ...ed, kid: 'b' }])).toBe(
      'jwks: every key must have a kid where there is more than one',
    )
    expect(problem([ec, ed])).toBe('jwks: every key must have a kid where there is more than one')
  })

  it('may be ten, and no more', () => {
    const keys = Array.from({ length: 11 }, (_, index) => ({ ...ed25519Jwk(), kid: `key-${index}` }))
    expect(parsed(keys.slice(0, 10))).toHaveLength(10)
    expect(problem(keys)).toBe('jwks must be an object with a list "keys" of 1 to 10 keys')
  })

  it('may be for verifying only, and say so (RFC 7517 §4.2, §4.3)', () => {
    for (const purpose of [
      { use: 'sig' },
      { key_ops: ['verify'] },
      { use: 'sig', key_ops: ['sign', 'verify'] },
    ]) {
      expect(parsed([{ ...ec, ...purpose }])).toHaveLength(1)
    }
  })

  it.each(['a', 'A-Z.a_z~0:9=', '2026-01-02', 'k'.repeat(128)])('may have the kid %s', kid => {
    expect(parsed([{ ...ec, kid }])[0]?.kid).toBe(kid)
  })

  it('keep no member that is not known, and follow no URL (RFC 7517 §4.6)', () => {
    const others = { x5u: 'http://127.0.0.1/', jku: 'http://127.0.0.1/', x5c: ['AA=='], iat: 1, '': null }
    expect(parsed([{ ...ec, ...others }])).toEqual(parsed([ec]))
    expect(parseClientJwks({ keys: [ec], jwks_uri: 'http://127.0.0.1/' }, 'ES256')).toEqual(parsed([ec]))
  })

  it.each([2048, 2049, 3072, 4096])('may have an RSA modulus of %i bits', bits => {
    expect(parsed([rsaJwkOf(roughNumber(bits))])).toHaveLength(1)
  })

  it('have the thumbprint of RFC 7638 §3.1', () => {
    const [key] = parsed([
      {
        kty: 'RSA',
        n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
        e: 'AQAB',
        alg: 'RS256',
        kid: '2011-04-29',
      },
    ])
    expect(key && thumbprint(key)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  it('of Curve25519 have a thumbprint too (RFC 8037 §A.3)', () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
    const [key] = parsed([jwk])
    expect(key && thumbprint(key)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })
})

describe('a set of keys is refused', () => {
  it.each([
    [undefined],
    [null],
    ['{"keys":[]}'],
    [[]],
    [[ec]],
    [{}],
    [ec],
    [{ keys: [] }],
    [{ keys: ec }],
    [{ keys: null }],
    [{ Keys: [ec] }],
  ])('that is not an object with a list of keys (RFC 7517 §5.1), case %#', value => {
    expect(parseClientJwks(value, undefined)).toBe(
      'jwks must be an object with a list "keys" of 1 to 10 keys',
    )
  })

  it.each([[null], ['key'], [1], [[ec]]])('with an entry that is no object, case %#', entry => {
    expect(problem([{ ...ec, kid: 'a' }, entry])).toBe('jwks: key 2 is not an object')
  })

  it('whole, for one bad key, which it numbers', () => {
    const bad = { ...ed, kid: 'b', use: 'enc' }
    expect(problem([{ ...ec, kid: 'a' }, bad])).toBe('jwks: key 2 has another use than sig')
    expect(problem([bad, { ...ec, kid: 'a' }])).toBe('jwks: key 1 has another use than sig')
  })

  it('with a kid twice', () => {
    const keys = [ec, otherEc, ed].map((jwk, index) => ({ ...jwk, kid: `key-${index % 2}` }))
    expect(problem(keys)).toBe('jwks: key 3 has the kid of a key before it')
  })

  it('with a key twice, whatever its kid and alg (RFC 7638)', () => {
    const keys = [
      { ...rsa, kid: 'a', alg: 'RS256' },
      { ...rsa, kid: 'b', alg: 'PS256' },
    ]
    expect(problem(keys)).toBe('jwks: key 2 is a key that is there already')
  })

  it.each<[string, Jwk, JwsAlgorithm]>([
    ['RSA for ES256', rsa, 'ES256'],
    ['EC for PS256', ec, 'PS256'],
    ['EC for EdDSA', ec, 'EdDSA'],
    ['OKP for ES256', ed, 'ES256'],
    ['alg RS256 for PS256', { ...rsa, alg: 'RS256' }, 'PS256'],
    ['alg PS256 for RS256', { ...rsa, alg: 'PS256' }, 'RS256'],
  ])('with a key for another algorithm than the client has: %s', (_, jwk, algorithm) => {
    expect(problem([jwk], algorithm)).toBe(`jwks: key 1 is not for ${algorithm}, the algorithm of the client`)
  })

  it('in words that have nothing of it in them', () => {
    const canary = 'canary7f3e'
    const spoilt = [
      { kid: `${canary} ` },
      { alg: canary },
      { use: canary },
      { x: canary },
      { crv: canary },
      { kty: canary },
    ]
    for (const member of spoilt) expect(problem([{ ...ec, ...member }])).not.toContain('canary')
  })
})

describe('the private half of a key', () => {
  it.each([
    ['EC', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['OKP', generateKeyPairSync('ed25519')],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('of type %s is refused, and not in the answer (RFC 7517 §9.2)', (_, { privateKey }) => {
    const jwk = privateKey.export({ format: 'jwk' })
    expect(problem([jwk])).toBe('jwks: key 1 has private members: register the public key only')
  })

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])(
    'is refused for the member %s alone, even null',
    member => {
      for (const jwk of [ec, ed, rsa]) {
        expect(problem([{ ...jwk, [member]: null }])).toBe(
          'jwks: key 1 has private members: register the public key only',
        )
      }
    },
  )

  it('is not what a thumbprint is made of', () => {
    const [key] = parsed([ec])
    const input = `{"crv":"P-256","kty":"EC","x":"${ec.x}","y":"${ec.y}"}`
    expect(key && thumbprint(key)).toBe(createHash('sha256').update(input).digest('base64url'))
  })
})
