import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Json } from '../flow/local-stack.ts'
import { AssertionClient, sharedAssertionClient } from './support/assertion-client.ts'
import { useAttackedStack } from './support/attacked-stack.ts'
import { assertionClaims, assertionKey, craftedAssertion, joseAssertion } from './support/client-assertion.ts'
import { expectOAuthError } from './support/oauth-error.ts'

const attacked = useAttackedStack()
const newClient = (key = assertionKey(), metadata: Json = {}) =>
  AssertionClient.register(attacked(), key, metadata)
const anyClient = sharedAssertionClient(attacked)
const now = () => Math.floor(Date.now() / 1000)

describe('the audience of an assertion', () => {
  it('F1: is the issuer, as a string (rfc7523bis §4)', async () => {
    await (await newClient()).expectAccepted()
  })

  it.each([
    ['F2', '/token'],
    ['F5', '/revoke'],
    ['F5', '/introspect'],
    ['F5', '/.well-known/oauth-authorization-server'],
    ['F5', '/'],
    ['F5', '#'],
    ['F5', '?'],
    ['F5', ' '],
    ['F5', '@evil.example'],
    ['F5', '.evil.example'],
  ])('%s: is not the issuer with %j behind it (rfc7523bis §4, RFC 3986 §6.2.1)', async (_, path) => {
    const client = await anyClient()
    await client.expectRefused(
      () => client.crafted({ aud: client.issuer + path }),
      'assertion_audience_mismatch',
    )
  })

  it.each<[string, (issuer: string) => unknown]>([
    ['F4: several, one of them the issuer', issuer => [issuer, 'https://evil.example']],
    ['F4: several, the issuer last', issuer => ['https://evil.example', issuer]],
    ['F4: the issuer twice', issuer => [issuer, issuer]],
    ['F4: a list of the issuer alone', issuer => [issuer]],
    ['F4: a list in a list', issuer => [[issuer]]],
    ['F4: no list at all', () => []],
    ['F4: an object', issuer => ({ 0: issuer })],
    ['F5: the issuer in upper case', issuer => issuer.toUpperCase()],
    ['F5: the issuer in another scheme', issuer => issuer.replace('http:', 'https:')],
    ['F5: the issuer with the port of https', issuer => issuer.replace(/:\d+$/, ':443')],
    ['F5: the issuer without its port', issuer => issuer.replace(/:\d+$/, '')],
    ['F5: the issuer as the user of another host', issuer => `${issuer}@evil.example`],
    ['F5: another host with the issuer in its path', issuer => `https://evil.example/${issuer}`],
    ['F5: the issuer by another name of its host', issuer => issuer.replace('127.0.0.1', 'localhost')],
    ['F5: the issuer with a space before it', issuer => ` ${issuer}`],
    ['F5: a prefix of the issuer', issuer => issuer.slice(0, -1)],
    ['F5: empty', () => ''],
    ['F5: absent', () => undefined],
    ['F5: null', () => null],
    ['F5: a number', () => 1],
    ['F5: true', () => true],
  ])('%s (rfc7523bis §4: the issuer identifier as the sole value)', async (_, audience) => {
    const client = await anyClient()
    const make = () => client.crafted({ aud: audience(client.issuer) })
    await client.expectRefused(make, 'assertion_audience_mismatch')
  })
})

describe('the identifier of an assertion', () => {
  it.each<[string, unknown]>([
    ['absent', undefined],
    ['null', null],
    ['empty', ''],
    ['of 257 characters', 'j'.repeat(257)],
    ['a number', 1],
    ['a list', ['j']],
    ['an object', { j: 1 }],
  ])('F7: is what makes it good for one use; %s it is refused (RFC 7523 §3 item 7)', async (_, jti) => {
    const client = await anyClient()
    await client.expectRefused(() => client.crafted({ jti }), 'assertion_claims_malformed')
  })

  it.each(['j', 'j'.repeat(256), '#', 'a#b', '\u0000', '💥', "' OR 1=1 --", '__proto__', '../..'])(
    'F7: may be any text: %j',
    async jti => {
      const client = await anyClient()
      await client.expectAccepted(() => client.crafted({ jti: (jti + randomUUID()).slice(-256) }))
    },
  )
})

describe('the times of an assertion', () => {
  it.each<[string, string, () => unknown]>([
    ['F10: absent', 'assertion_claims_malformed', () => undefined],
    ['F10: null', 'assertion_claims_malformed', () => null],
    ['F10: a string', 'assertion_claims_malformed', () => String(now() + 60)],
    ['F10: a list', 'assertion_claims_malformed', () => [now() + 60]],
    ['F10: true', 'assertion_claims_malformed', () => true],
    ['F10: zero', 'assertion_claims_malformed', () => 0],
    ['F10: negative', 'assertion_claims_malformed', () => -now()],
    ['F10: past', 'assertion_expired', () => now() - 1],
    ['F10: now', 'assertion_expired', () => now()],
    ['F10: five minutes past', 'assertion_expired', () => now() - 300],
    ['F10: tiny', 'assertion_expired', () => 1e-9],
    ['F11: six minutes away', 'assertion_lifetime_too_long', () => now() + 360],
    ['F11: ten years away', 'assertion_lifetime_too_long', () => now() + 315_360_000],
    ['F11: in milliseconds', 'assertion_lifetime_too_long', () => Date.now() + 60_000],
    ['F11: 1e308', 'assertion_lifetime_too_long', () => 1e308],
    ['F11: as far as integers go', 'assertion_lifetime_too_long', () => Number.MAX_SAFE_INTEGER],
  ])('%s is an exp that is refused (RFC 7523 §3 item 4)', async (_, reason, exp) => {
    const client = await anyClient()
    await client.expectRefused(() => client.crafted({ exp: exp() }), reason)
  })

  it.each(['nbf', 'iat'])(
    'F12: an %s that has not come is refused (RFC 7523 §3 items 5 and 6)',
    async name => {
      const client = await newClient()
      for (const seconds of [61, 3600]) {
        const make = () => client.crafted({ [name]: now() + seconds })
        await client.expectRefused(make, 'assertion_not_yet_valid')
      }
      for (const value of [null, '1', [], true, -1, { valueOf: 1 }]) {
        const make = () => client.crafted({ [name]: value })
        await client.expectRefused(make, 'assertion_claims_malformed')
      }
    },
  )

  it('F12: a clock that is 8 s ahead, a fraction, no iat, and exp 300 s away are honest (RFC 7519 §2)', async () => {
    const client = await anyClient()
    await client.expectAccepted(() => client.crafted({ iat: now() + 8, nbf: now() + 8 }))
    await client.expectAccepted(() => client.crafted({ iat: now() - 0.5, exp: now() + 60.25 }))
    await client.expectAccepted(() => client.crafted({ iat: undefined, exp: now() + 300 }))
  })
})

describe('the client that an assertion names', () => {
  it.each<[string, Json, string]>([
    ['iss is absent', { iss: undefined }, 'assertion_subject_mismatch'],
    ['iss is another', { iss: 'somebody-else' }, 'assertion_subject_mismatch'],
    ['iss is empty', { iss: '' }, 'assertion_subject_mismatch'],
    ['iss is null', { iss: null }, 'assertion_subject_mismatch'],
    ['sub is absent', { sub: undefined }, 'assertion_malformed'],
    ['sub is null', { sub: null }, 'assertion_malformed'],
    ['sub is a number', { sub: 1 }, 'assertion_malformed'],
    ['sub is empty', { sub: '' }, 'client_unknown'],
    ['sub is nobody', { sub: 'nobody' }, 'client_unknown'],
    ['sub is the name of a prototype', { sub: '__proto__' }, 'client_unknown'],
    ['sub is a key of the store', { sub: 'failures#x#192.0.2.1' }, 'client_unknown'],
    ['sub is longer than any key', { sub: 'x'.repeat(2049) }, 'client_unknown'],
  ])('F13: is issuer and subject: %s (RFC 7523 §3 items 1 and 2)', async (_, changes, reason) => {
    const client = await anyClient()
    await client.expectRefused(() => client.crafted(changes), reason)
  })

  it('F13: iss as a list of the client is refused', async () => {
    const client = await anyClient()
    const make = () => client.crafted({ iss: [client.clientId] })
    await client.expectRefused(make, 'assertion_subject_mismatch')
  })

  it('F13: is not another client whose key did not sign, whatever its kid (RFC 7523 §3 item 9)', async () => {
    const [mallory, victim, other] = await Promise.all([
      newClient(),
      newClient(),
      newClient(assertionKey('ES256', 'key-2')),
    ])
    const posing = (as: AssertionClient, changes: Json) => () =>
      craftedAssertion(mallory.key, assertionClaims(as.clientId, as.issuer, changes))
    await victim.expectRefused(posing(victim, {}), 'assertion_signature_invalid')
    await other.expectRefused(posing(other, {}), 'assertion_key_unknown')
    const iss = mallory.clientId
    await victim.expectRefused(posing(victim, { iss }), 'assertion_signature_invalid')
    await mallory.expectRefused(posing(mallory, { iss: victim.clientId }), 'assertion_subject_mismatch')
    for (const client of [mallory, victim, other]) await client.expectAccepted()
  })

  it('F13: is the client_id beside it, where there is one (RFC 7521 §4.2)', async () => {
    const [client, other] = [await newClient(), await newClient()]
    const send = (client_id: string) => async () => client.requestToken(await client.honest(), { client_id })
    for (const clientId of [other.clientId, client.clientId.toUpperCase(), `${client.clientId} `, '*']) {
      const answer = await attacked().refused('token.issue', send(clientId))
      expectOAuthError(answer, 400, 'invalid_request')
      expect(answer.event.reason).toBe('client_id_mismatch')
    }
    await attacked().allowed('token.issue', send(client.clientId))
    // An empty parameter is none (RFC 6749 §3.2).
    await attacked().allowed('token.issue', send(''))
  })
})

describe('an honest assertion', () => {
  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'] as const)(
    'F1: of %s gets a token (RFC 7523 §2.2)',
    async algorithm => {
      const client = await newClient(assertionKey(algorithm))
      await client.expectAccepted()
      await client.expectAccepted(() => joseAssertion(client.key, client.claims(), { kid: undefined }))
    },
  )
})
