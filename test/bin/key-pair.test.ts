import { createPrivateKey, createPublicKey } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { algorithmsOf, assertionAlgorithms, generateKeyPair, thumbprint } from '../../bin/key-pair.ts'

describe('a thumbprint', () => {
  it('is that of the RSA example (RFC 7638 §3.1)', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
    const jwk = { kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' }
    expect(thumbprint(jwk)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  it('is that of the Ed25519 example (RFC 8037 A.3)', () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
    expect(thumbprint(jwk)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })
})

describe.each(assertionAlgorithms)('a generated key pair for %s', algorithm => {
  const { publicJwk, privateJwk } = generateKeyPair(algorithm)

  it('names its algorithm and its thumbprint in both halves (RFC 7517 §4.4, RFC 7638)', async () => {
    const kid = await calculateJwkThumbprint(publicJwk as JWK)
    expect(publicJwk).toMatchObject({ alg: algorithm, kid, use: 'sig' })
    expect(privateJwk).toMatchObject({ alg: algorithm, kid, d: expect.any(String) })
  })

  it('has no private member in its public half (RFC 7518 §6)', () => {
    const members = { EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'], RSA: ['e', 'n'] }[publicJwk.kty ?? ''] ?? []
    expect(Object.keys(publicJwk).sort()).toEqual([...members, 'alg', 'kid', 'kty', 'use'].sort())
  })

  it('is of one key, as strong as 128 bits', () => {
    const fromPrivate = createPublicKey(createPrivateKey({ key: privateJwk, format: 'jwk' }))
    expect(fromPrivate.equals(createPublicKey({ key: publicJwk, format: 'jwk' }))).toBe(true)
    const { modulusLength, namedCurve } = fromPrivate.asymmetricKeyDetails ?? {}
    expect([publicJwk.crv, modulusLength, namedCurve]).toEqual(
      { EC: ['P-256', undefined, 'prime256v1'], OKP: ['Ed25519', undefined, undefined] }[
        publicJwk.kty ?? ''
      ] ?? [undefined, 3072, undefined],
    )
  })
})

describe('the algorithms of a key', () => {
  it.each([
    [{ kty: 'EC' }, ['ES256']],
    [{ kty: 'OKP' }, ['EdDSA']],
    [{ kty: 'RSA' }, ['RS256', 'PS256']],
    [{ kty: 'RSA', alg: 'PS256' }, ['PS256']],
    [{ kty: 'EC', alg: 'RS256' }, []],
    [{ kty: 'RSA', alg: 'none' }, []],
    [{ kty: 'oct' }, []],
    [{ kty: 'constructor' }, []],
    [{}, []],
  ])('of %j are %j (RFC 8725 §3.1)', (jwk, algorithms) => {
    expect(algorithmsOf(jwk)).toEqual(algorithms)
  })
})
