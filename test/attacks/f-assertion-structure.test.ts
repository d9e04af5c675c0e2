import { describe, expect, it } from 'vitest'
import {
  checkAssertionClaims,
  parseClientAssertion,
  verifyAssertion,
} from '../../lambda/oauth/client-assertion.ts'
import { parseClientJwks } from '../../lambda/oauth/client-keys.ts'
import { AssertionClient, sharedAssertionClient } from './support/assertion-client.ts'
import {
  algorithmRows,
  encodingRows,
  hmacAssertion,
  otherSpellings,
  publicKeySpellings,
  signatureRows,
} from './support/assertion-rows.ts'
import { useAttackedStack } from './support/attacked-stack.ts'
import { assertionKey, segmentsOf, withSignature } from './support/client-assertion.ts'
import { expectOAuthError } from './support/oauth-error.ts'

const attacked = useAttackedStack()
const anyClient = sharedAssertionClient(attacked)
const newClient = (key = assertionKey()) => AssertionClient.register(attacked(), key)

describe('the algorithm of an assertion', () => {
  it.each(algorithmRows)('%s (RFC 8725 §3.1)', async (_, make) => {
    const client = await anyClient()
    await client.expectRefused(() => make(client), 'assertion_malformed')
  })

  it.each(['ES256', 'RS256', 'EdDSA'] as const)(
    'A5: an HMAC keyed with the public key of %s, in any form (RFC 8725 §2.1)',
    async algorithm => {
      const client = await newClient(assertionKey(algorithm))
      for (const [, spell] of publicKeySpellings) {
        const make = () => hmacAssertion(client, 'HS256', spell(client.key))
        await client.expectRefused(make, 'assertion_malformed')
        // Under the name of the algorithm that is registered.
        const disguised = () => hmacAssertion(client, algorithm, spell(client.key))
        await client.expectRefused(disguised, 'assertion_signature_invalid')
      }
      await client.expectAccepted()
    },
  )
})

describe('the signature of an assertion', () => {
  it.each(signatureRows)('%s (RFC 7518 §3.4)', async (_, make) => {
    const client = await anyClient()
    await client.expectRefused(() => make(client), 'assertion_signature_invalid')
  })

  it.each(['ES256', 'RS256', 'EdDSA'] as const)(
    'A13: of %s in another spelling of its last character (RFC 4648 §3.5)',
    async algorithm => {
      const client = await newClient(assertionKey(algorithm))
      const assertion = await client.honest()
      const others = otherSpellings(segmentsOf(assertion)[2])
      expect(others).toHaveLength(15)
      for (const other of others) {
        await client.expectRefused(() => withSignature(assertion, other), 'assertion_malformed')
      }
      // None of them has used it up.
      await client.expectAcceptedOnce(assertion)
    },
  )
})

describe('the encoding of an assertion', () => {
  it.each(encodingRows)('%s (RFC 7515 §2)', async (_, make) => {
    const client = await anyClient()
    await client.expectRefused(() => make(client), 'assertion_malformed')
  })

  it('A38: longer than a body may be, it is not read', async () => {
    const client = await anyClient()
    const jwe = `${'A'.repeat(40)}..AAAA.${'x'.repeat(1_048_576)}.AAAA`
    const answer = await attacked().refused('token.issue', () => client.requestToken(jwe))
    expectOAuthError(answer, 400, 'invalid_request')
    expect(answer.event.reason).toBe('body_too_large')
  })
})

describe('one character of an assertion', () => {
  it('A40: replaced, inserted or deleted makes it worthless (RFC 7515 §5.2)', async () => {
    const client = await newClient()
    const assertion = await client.honest()
    const keys = parseClientJwks({ keys: [client.key.jwk] }, undefined)
    if (typeof keys === 'string') throw new Error(keys)
    const isGood = (text: string) => {
      const parsed = parseClientAssertion(text)
      return parsed !== undefined && verifyAssertion(parsed, keys) === 'ok'
    }
    expect(isGood(assertion)).toBe(true)
    const accepted: string[] = []
    for (let at = 0; at <= assertion.length; at++) {
      const [before, here, after] = [assertion.slice(0, at), assertion[at] ?? '', assertion.slice(at + 1)]
      const edits = ['', 'A', '-', '.', '=', ' ']
        .filter(text => text !== here)
        .map(text => before + text + after)
      const inserted = ['A', here, '.', '\n'].map(text => before + text + here + after)
      accepted.push(...[...edits, ...inserted].filter(text => text !== assertion && isGood(text)))
    }
    expect(accepted).toEqual([])
  })

  it('A40: changed in transport is refused, and the assertion is still good', async () => {
    const client = await newClient()
    const assertion = await client.honest()
    for (let part = 1; part < 12; part++) {
      const at = Math.floor((assertion.length * part) / 12)
      const other = assertion[at] === 'A' ? 'B' : 'A'
      const send = () => client.requestToken(assertion.slice(0, at) + other + assertion.slice(at + 1))
      const answer = await attacked().refused('token.issue', send)
      expectOAuthError(answer, 401, 'invalid_client')
      expect(answer.event.reason).toMatch(/^(assertion_|client_unknown)/)
    }
    await client.expectAcceptedOnce(assertion)
  })

  it('A40: has no part in what is checked after the signature', async () => {
    const client = await newClient()
    const parsed = parseClientAssertion(await client.honest())
    if (parsed === undefined) throw new Error('an honest assertion does not parse')
    const now = Math.floor(Date.now() / 1000)
    expect(checkAssertionClaims(parsed, client.issuer, now)).toMatchObject({ jti: parsed.jws.payload.jti })
  })
})
