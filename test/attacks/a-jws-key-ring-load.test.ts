import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { SigningKeysTable } from '../../lambda/adapters/signing-keys-table.ts'
import { publishedKeys } from '../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import { jwksMaxAgeSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { type Attributes, startLocalStore } from '../lambda/support/local-store.ts'
import { frozenClock, nowSeconds, recordedLines, storeError } from '../lambda/support/recorded-lines.ts'
import { signingKeyItem, signingKeyPair } from '../lambda/support/signing-key-pair.ts'

const store = await startLocalStore()
const recorded = recordedLines('authorizer')

afterAll(() => store.close())
beforeEach(() => recorded.clear())

const { key: hostile, privateKey } = signingKeyPair()
const { publicJwk } = hostile
const jwkOf = (members: unknown): Attributes => ({ public_jwk: { S: JSON.stringify(members) } })
const rsa = (modulusLength: number, publicExponent: number) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' })

/** The same 32 octets: the two unused bits of the last character are not zero (RFC 4648 §3.5). */
function otherSpelling(coordinate: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return coordinate.slice(0, -1) + alphabet[alphabet.indexOf(coordinate.slice(-1)) + 1]
}

describe('a ring with a hostile key in it', () => {
  it.each<[string, Attributes]>([
    ['symmetric', jwkOf({ kty: 'oct', k: 'AAAA' })],
    ['RSA of 1024 bits', jwkOf(rsa(1024, 65_537))],
    ['RSA of exponent 1', jwkOf({ ...rsa(2048, 65_537), e: 'AQ' })],
    ['a key of another curve', jwkOf({ ...publicJwk, crv: 'P-384' })],
    ['a point that is not on the curve', jwkOf({ ...publicJwk, y: publicJwk.x })],
    ['an unknown algorithm', { algorithm: { S: 'none' } }],
    ['a private key', jwkOf(privateKey.export({ format: 'jwk' }))],
    ['a key with k', jwkOf({ ...publicJwk, k: 'AAAA' })],
    ['a key for encryption', jwkOf({ ...publicJwk, use: 'enc' })],
    ['a key without use', jwkOf({ ...publicJwk, use: undefined })],
    ['a key that may sign but not verify', jwkOf({ ...publicJwk, key_ops: ['sign'] })],
    ['a key that may encrypt', jwkOf({ ...publicJwk, key_ops: ['encrypt'] })],
    ['a key that may do nothing', jwkOf({ ...publicJwk, key_ops: [] })],
    ['a key for another algorithm', jwkOf({ ...publicJwk, alg: 'ES384' })],
    ['a key for HMAC', jwkOf({ ...publicJwk, alg: 'HS256' })],
    ['a key without alg', jwkOf({ ...publicJwk, alg: undefined })],
    ['a key of another name', jwkOf({ ...publicJwk, kid: 'other' })],
    [
      'a key with an odd spelling of a coordinate',
      jwkOf({ ...publicJwk, x: otherSpelling(publicJwk.x ?? '') }),
    ],
  ])('A29: is not taken at all, and the last good one stays: %s (RFC 7517 §4)', async (title, changes) => {
    const clock = frozenClock()
    const table = new SigningKeysTable(store.client, 'SigningKeys', title, recorded.records)
    const ring = new SigningKeyRing(() => table.read(), clock)
    const good = signingKeyPair().key
    await store.put('SigningKeys', signingKeyItem(title, good))
    await ring.refresh()

    const another = signingKeyPair().key
    await store.put('SigningKeys', signingKeyItem(title, another))
    await store.put('SigningKeys', signingKeyItem(title, hostile, changes))
    clock.advance(jwksMaxAgeSeconds * 1000)
    await ring.refresh()
    expect(publishedKeys(await ring.all(), nowSeconds)).toEqual([good.publicJwk])
    expect(ring.find(hostile.kid)).toBeUndefined()
    expect(recorded.lines).toMatchObject([
      { level: 'ERROR', table: 'SigningKeys', key: hostile.kid, ...storeError },
    ])
  })

  it('A29: is not taken at all when one key has two names', async () => {
    const clock = frozenClock()
    const table = new SigningKeysTable(store.client, 'SigningKeys', 'two-names', recorded.records)
    const ring = new SigningKeyRing(() => table.read(), clock)
    const good = signingKeyPair().key
    await store.put('SigningKeys', signingKeyItem('two-names', good))
    await ring.refresh()

    const twin = { ...good, kid: 'twin', publicJwk: { ...good.publicJwk, kid: 'twin' } }
    await store.put('SigningKeys', signingKeyItem('two-names', twin))
    clock.advance(jwksMaxAgeSeconds * 1000)
    await ring.refresh()
    expect(publishedKeys(await ring.all(), nowSeconds)).toEqual([good.publicJwk])
    expect(recorded.lines).toMatchObject([{ level: 'ERROR', table: 'SigningKeys', ...storeError }])
  })
})
