import { expect, it } from 'vitest'
import { parseJws } from '../../lambda/oauth/jws.ts'
import { thumbprint } from '../../lambda/oauth/public-key.ts'
import { isRefusedByTheGate } from './access-token-verdict.ts'
import { registeredKey, verdictOf } from './signature-verdict.ts'
import { describeVectors } from './vector-folder.ts'
import type { Jwk } from './wycheproof.ts'

interface Example {
  readonly id: string
  readonly jwk?: Jwk
  readonly jws?: string
  readonly claims?: object
  readonly thumbprint?: string
  readonly jkt?: string
  readonly access_token?: string
}

describeVectors('the examples of the RFCs', read => {
  const examples = read<Example[]>('rfc-examples/rfc-vectors.json')
  const find = (id: string): Example => {
    const example = examples.find(each => each.id === id)
    if (example === undefined) throw new Error(`there is no example ${id}`)
    return example
  }
  const verdict = ({ jws = '', jwk = {} }: Example) => verdictOf(jws, jwk)
  const proofs = examples.filter(({ id }) => id.startsWith('rfc9449-dpop-proof'))

  it('verifies ES256, over a payload with line ends in its JSON (RFC 7515 §A.3)', () => {
    const example = find('rfc7515-A3-ES256')
    expect(verdict(example)).toBe('verified')
    expect(parseJws(example.jws ?? '')).toMatchObject({
      header: { alg: 'ES256' },
      payload: { iss: 'joe', exp: 1_300_819_380, 'http://example.com/is_root': true },
    })
  })

  it('verifies EdDSA with Ed25519 (RFC 8037 §A.4)', () => {
    expect(verdict(find('rfc8037-A4-Ed25519'))).toBe('verified')
  })

  it('refuses HMAC: no client has a symmetric key (RFC 7515 §A.1)', () => {
    expect(verdict(find('rfc7515-A1-HS256'))).toBe('key refused')
  })

  it('refuses an unsecured JWS, with a key or without (RFC 7515 §A.5, RFC 8725 §3.2)', () => {
    const { jws = '' } = find('rfc7515-A5-none')
    const { jwk = {} } = find('rfc7515-A3-ES256')
    expect(parseJws(jws)).toBeUndefined()
    expect([verdictOf(jws, {}), verdictOf(jws, jwk)]).toEqual(['malformed', 'malformed'])
  })

  it('verifies each example with its own key alone (RFC 8725 §3.1)', () => {
    const signed = examples.filter(({ jws, jwk }) => jws !== undefined && registeredKey(jwk ?? {}))
    expect(signed).toHaveLength(5)
    for (const { jws = '', jwk } of signed) {
      for (const other of signed) {
        const isOwn = JSON.stringify(other.jwk) === JSON.stringify(jwk)
        expect(verdictOf(jws, other.jwk ?? {}) === 'verified').toBe(isOwn)
      }
    }
  })

  it('makes the thumbprint of a key (RFC 7638 §3.1)', () => {
    const example = find('rfc7638-3.1-thumbprint')
    expect(thumbprint(registeredKey(example.jwk ?? {}) ?? { jwk: {} })).toBe(example.thumbprint)
  })

  it.each(proofs)(
    'verifies the signature of a DPoP proof, and makes its key’s thumbprint: $id (RFC 9449 §6.1)',
    proof => {
      expect(verdict(proof)).toBe('verified')
      expect(parseJws(proof.jws ?? '')?.payload).toEqual(proof.claims)
      expect(thumbprint(registeredKey(proof.jwk ?? {}) ?? { jwk: {} })).toBe(proof.jkt)
    },
  )

  const tokens = examples.flatMap(({ id, jws, access_token: token }) => {
    const text = jws ?? token
    return text === undefined ? [] : [[id, text] as const]
  })
  it.each(tokens)('is never an access token: %s (RFC 9068 §4)', async (_, text) => {
    expect(await isRefusedByTheGate(text)).toBe(true)
  })
})
