import { describe, expect, it } from 'vitest'
import { IssuerKeys, parseIssuerJwks } from '../../../lambda/adapters/issuer-keys.ts'
import { startIssuer } from '../../guard/local-issuer.ts'
import { ecJwk, ed25519Jwk, rsaJwk } from '../oauth/support/client-jwks.ts'
import { frozenClock, recordedLines } from '../support/recorded-lines.ts'
import { signingKeyPair } from '../support/signing-key-pair.ts'

const first = signingKeyPair().key
const second = signingKeyPair().key

async function newKeys() {
  const issuer = await startIssuer(first)
  const clock = frozenClock()
  const recorded = recordedLines('guard')
  const keys = new IssuerKeys(`${issuer.url}/.well-known/jwks.json`, clock, recorded.records)
  return { ...issuer, clock, recorded, keys }
}

describe('the keys of an issuer', () => {
  it('are read when the first token comes, and then no more than once in five minutes', async () => {
    const { keys, state, clock } = await newKeys()
    expect(state.asked.jwks).toBe(0)
    expect(await keys.findKey(first.kid)).toMatchObject({ kid: first.kid, publicJwk: first.publicJwk })
    clock.advance(299_999)
    await keys.findKey(first.kid)
    expect(state.asked.jwks).toBe(1)
    clock.advance(1)
    await keys.findKey(first.kid)
    expect(state.asked.jwks).toBe(2)
  })

  it('are read again for a key that is not among them, at most once in ten seconds (RFC 7517 §4.5)', async () => {
    const { keys, state, clock } = await newKeys()
    await keys.findKey(first.kid)
    state.keys = [first.publicJwk, second.publicJwk]
    expect(await keys.findKey(second.kid)).toBe(undefined)
    clock.advance(10_000)
    expect(await keys.findKey(second.kid)).toMatchObject({ kid: second.kid })
    expect(state.asked.jwks).toBe(2)
  })

  it('are trusted no more once they are gone from there, remembered tokens included', async () => {
    const { keys, state, clock } = await newKeys()
    await keys.findKey(first.kid)
    expect(keys.findKnownKey(first.kid)).toMatchObject({ kid: first.kid })
    state.keys = [second.publicJwk]
    clock.advance(300_000)
    expect(keys.findKnownKey(first.kid)).toBe(undefined)
    expect(await keys.findKey(first.kid)).toBe(undefined)
  })

  it('serve for an hour when they cannot be read, and then nothing is known', async () => {
    const { keys, state, clock, recorded } = await newKeys()
    await keys.findKey(first.kid)
    state.jwks = (_, response) => response.writeHead(500).end()
    clock.advance(3_599_999)
    expect(await keys.findKey(first.kid)).toMatchObject({ kid: first.kid })
    clock.advance(1)
    await expect(keys.findKey(first.kid)).rejects.toThrow('store unavailable')
    expect(recorded.lines).toMatchObject([{ endpoint: 'jwks', problem: 'status' }])
  })

  it.each<[string, string, (response: import('node:http').ServerResponse) => void]>([
    ['redirects', 'redirect', response => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['is longer than 64 KiB', 'too_large', response => response.end('x'.repeat(64 * 1024 + 1))],
    ['is no JSON', 'not_json', response => response.end('<html>')],
    ['is compressed', 'encoding', response => response.setHeader('content-encoding', 'gzip').end('x')],
    ['has no keys', 'keys_refused', response => response.end('{"keys":[]}')],
    ['breaks off', 'connection', response => response.destroy()],
  ])('cannot be known where the JWKS %s', async (_, problem, answer) => {
    const { keys, state, recorded } = await newKeys()
    state.jwks = (_request, response) => answer(response)
    await expect(keys.findKey(first.kid)).rejects.toThrow('store unavailable')
    expect(recorded.lines).toMatchObject([{ level: 'WARN', endpoint: 'jwks', problem }])
  })
})

describe('parseIssuerJwks', () => {
  const { publicJwk } = first

  it('passes over keys that are not understood (RFC 7517 §5)', () => {
    const keys = [
      { kty: 'AKP', alg: 'ML-DSA-44', kid: 'a', pub: 'AAAA' },
      { ...publicJwk, kid: 'b', use: 'enc' },
      { ...publicJwk, kid: 'c', alg: undefined },
      { ...publicJwk, kid: 'd', alg: 'RS256' },
      { ...publicJwk, kid: undefined },
      { ...publicJwk, kid: 'e', x: 'AAAA' },
      'f',
      null,
      publicJwk,
    ]
    expect(parseIssuerJwks({ keys })).toMatchObject([{ kid: first.kid, algorithm: 'ES256' }])
  })

  it('takes each algorithm that tokens can have, and nothing but the public members (RFC 7518 §6)', () => {
    const keys = [
      { ...ecJwk(), kid: 'a', alg: 'ES256', use: 'sig', x5u: 'https://evil.example' },
      { ...rsaJwk(), kid: 'b', alg: 'RS256' },
      { ...rsaJwk(), kid: 'c', alg: 'PS256' },
      { ...ed25519Jwk(), kid: 'd', alg: 'EdDSA' },
    ]
    const parsed = parseIssuerJwks({ keys }) ?? []
    expect(parsed.map(({ algorithm }) => algorithm)).toEqual(['ES256', 'RS256', 'PS256', 'EdDSA'])
    expect(Object.keys(parsed[0]?.publicJwk ?? {})).toEqual(['kty', 'crv', 'x', 'y', 'kid', 'alg', 'use'])
  })

  it.each([undefined, null, [], 'keys', {}, { keys: {} }, { keys: [] }, { keys: [{}] }])(
    'takes nothing from %j',
    document => {
      expect(parseIssuerJwks(document)).toBe(undefined)
    },
  )

  it('trusts none where two have one identifier', () => {
    const keys = [publicJwk, { ...second.publicJwk, kid: first.kid }]
    expect(parseIssuerJwks({ keys })).toBe(undefined)
  })
})
