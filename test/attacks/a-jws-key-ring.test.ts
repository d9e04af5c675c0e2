import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { SigningKeysTable } from '../../lambda/adapters/signing-keys-table.ts'
import { publishedKeys, type SigningKey } from '../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import { jwksMaxAgeSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { type Attributes, startLocalStore } from '../lambda/support/local-store.ts'
import { frozenClock, nowSeconds, recordedLines, storeError } from '../lambda/support/recorded-lines.ts'
import { signingKeyItem, signingKeyPair } from '../lambda/support/signing-key-pair.ts'

const store = await startLocalStore()
const recorded = recordedLines('authorizer')

afterAll(() => store.close())
beforeEach(() => recorded.clear())

/** A ring that has been read while it held one good key. */
async function warmRing(name: string) {
  const clock = frozenClock()
  const table = new SigningKeysTable(store.client, 'SigningKeys', name, recorded.records)
  const ring = new SigningKeyRing(() => table.read(), clock)
  const good = signingKeyPair().key
  await store.put('SigningKeys', signingKeyItem(name, good))
  await ring.refresh()
  return {
    ring,
    good,
    put: (key: SigningKey, changes: Attributes) =>
      store.put('SigningKeys', signingKeyItem(name, key, changes)),
    /** The ring's age passes, so that it is read anew. */
    async readAnew(): Promise<void> {
      clock.advance(jwksMaxAgeSeconds * 1000)
      await ring.refresh()
    },
    published: async () => publishedKeys(await ring.all(), nowSeconds),
  }
}

const jwkOf = (members: unknown): Attributes => ({ public_jwk: { S: JSON.stringify(members) } })
const rsa = (modulusLength: number, publicExponent: number) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' })
const ec = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' })
const { publicJwk } = signingKeyPair().key
const coordinate = (octet: number) => Buffer.alloc(32, octet).toString('base64url')
const rsaOfExponent1 = { ...rsa(2048, 65_537), e: 'AQ' }

/** The first primes' product divides what ROCA's moduli are made of; of RSA none is taken, weak or strong. */
const weakRsa = { kty: 'RSA', n: Buffer.alloc(256, 0xa5).toString('base64url'), e: 'AQAB' }

const marker = 'do-not-print-me'

describe('a hostile key in the ring', () => {
  it.each<[string, Attributes]>([
    ['symmetric', jwkOf({ kty: 'oct', k: marker, alg: 'HS256' })],
    ['symmetric, with coordinates', jwkOf({ ...publicJwk, kty: 'oct', k: marker })],
    ['RSA of 1024 bits', jwkOf(rsa(1024, 65_537))],
    ['RSA of 2048 bits', jwkOf(rsa(2048, 65_537))],
    ['RSA of exponent 1', jwkOf(rsaOfExponent1)],
    ['RSA of exponent 3', jwkOf(rsa(2048, 3))],
    ['RSA of a weak modulus', jwkOf(weakRsa)],
    ['P-384', jwkOf(ec('P-384'))],
    ['P-521', jwkOf(ec('P-521'))],
    ['secp256k1', jwkOf(ec('secp256k1'))],
    ['secp256k1 called P-256', jwkOf({ ...ec('secp256k1'), crv: 'P-256' })],
    ['Ed25519', jwkOf(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }))],
    ['X25519', jwkOf(generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }))],
    ['not on the curve', jwkOf({ ...publicJwk, y: publicJwk.x })],
    ['the point 0, 0', jwkOf({ ...publicJwk, x: coordinate(0), y: coordinate(0) })],
    ['beyond the field', jwkOf({ ...publicJwk, x: coordinate(0xff), y: coordinate(0xff) })],
    ['without y', jwkOf({ kty: 'EC', crv: 'P-256', x: publicJwk.x })],
    ['with a coordinate too short', jwkOf({ ...publicJwk, x: (publicJwk.x ?? '').slice(0, 42) })],
    ['with a coordinate too long', jwkOf({ ...publicJwk, x: `${publicJwk.x}AAAA` })],
    ['with a padded coordinate', jwkOf({ ...publicJwk, x: `${publicJwk.x}=` })],
    ['a set of keys', jwkOf({ keys: [publicJwk] })],
    ['a list', jwkOf([publicJwk])],
    ['null', jwkOf(null)],
    [
      'a PEM',
      { public_jwk: { S: signingKeyPair().publicKey.export({ format: 'pem', type: 'spki' }) as string } },
    ],
    ['of algorithm none', { algorithm: { S: 'none' } }],
    ['of algorithm HS256', { algorithm: { S: 'HS256' } }],
    ['of algorithm RS256', { algorithm: { S: 'RS256' } }],
    ['of algorithm es256', { algorithm: { S: 'es256' } }],
    ['of no algorithm', { algorithm: { NULL: true } }],
    ['of an unknown state', { state: { S: 'trusted' } }],
    ['of an end that is no time', { verify_until: { S: 'never' } }],
    ['of an end in fractions', { verify_until: { N: '1.5' } }],
    ['of an infinite end', { verify_until: { S: 'Infinity' } }],
  ])(
    'A29: is trusted by nobody, is reported as a store error and unseats none: %s (RFC 7517 §4)',
    async (title, changes) => {
      const { ring, good, put, readAnew, published } = await warmRing(title)
      const { key } = signingKeyPair()
      await put(key, changes)
      await readAnew()
      expect(ring.find(key.kid)).toBeUndefined()
      await expect(ring.findOrRead(key.kid)).rejects.toMatchObject({ name: 'Unavailable' })
      expect(ring.find(good.kid)).toEqual(good)
      expect(await ring.signingKeys(nowSeconds)).toEqual([good])
      expect(await published()).toEqual([good.publicJwk])
      expect(recorded.lines).toMatchObject([
        { level: 'ERROR', message: 'malformed record', table: 'SigningKeys', key: key.kid, ...storeError },
      ])
      expect(recorded.texts.join('')).not.toContain(marker)
    },
  )

  it.each(['kid#1', '../kid', 'kid ', 'k'.repeat(65), '🔑'])(
    'A29: has no name outside its grammar: %j',
    async kid => {
      const { ring, good, put, readAnew, published } = await warmRing(`name ${kid}`)
      await put({ ...signingKeyPair().key, kid }, {})
      await readAnew()
      expect(ring.find(kid)).toBeUndefined()
      expect(await published()).toEqual([good.publicJwk])
      expect(recorded.lines).toMatchObject([{ level: 'ERROR', table: 'SigningKeys', ...storeError }])
    },
  )

  it('A28: that is withdrawn is trusted no more from the next read on, and the others are', async () => {
    const { ring, good, put, readAnew } = await warmRing('replaced')
    const second = signingKeyPair().key
    await put(second, {})
    await readAnew()
    expect(ring.find(second.kid)).toEqual(second)
    await put(second, { state: { S: 'revoked' } })
    await readAnew()
    expect(ring.find(second.kid)).toBeUndefined()
    expect(ring.find(good.kid)).toEqual(good)
  })

  it('A29: alone leaves the last good ring as it was: nothing good was read', async () => {
    const { ring, good, put, readAnew, published } = await warmRing('alone')
    await put(good, jwkOf({ kty: 'oct', k: marker }))
    await readAnew()
    expect(ring.find(good.kid)).toEqual(good)
    expect(await published()).toEqual([good.publicJwk])
    expect(recorded.lines.length).toBeGreaterThan(0)
  })

  it('A29: signs nothing while it is the only one that ever was (fails closed)', async () => {
    const table = new SigningKeysTable(store.client, 'SigningKeys', 'cold', recorded.records)
    const ring = new SigningKeyRing(() => table.read(), frozenClock())
    const { key } = signingKeyPair()
    await store.put('SigningKeys', signingKeyItem('cold', key, jwkOf(rsa(1024, 65_537))))
    await expect(ring.findOrRead(key.kid)).rejects.toMatchObject({ name: 'Unavailable' })
    await expect(ring.signingKeys(nowSeconds)).rejects.toMatchObject({ name: 'Unavailable' })
  })
})
