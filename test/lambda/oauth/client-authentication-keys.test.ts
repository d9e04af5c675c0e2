import { describe, expect, it } from 'vitest'
import type { Client } from '../../../lambda/oauth/client.ts'
import {
  authenticateClient,
  type ClientAuthenticationPorts,
  recordSecretUse,
} from '../../../lambda/oauth/client-authentication.ts'
import type { ClientKey } from '../../../lambda/oauth/client-keys.ts'
import type { DecisionFacts } from '../../../lambda/oauth/decision-facts.ts'
import { OAuthError } from '../../../lambda/oauth/oauth-error.ts'
import { clientKey, makeAssertion } from './support/assertion-maker.ts'
import {
  basicHeader,
  clientAuthenticationPorts,
  formRequest,
  secret,
  client as secretClient,
  sourceIp,
} from './support/token-endpoint.ts'
import { clientId, nowSeconds } from './support/token-maker.ts'

const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const keyClient: Client = {
  ...secretClient,
  tokenEndpointAuthMethod: 'private_key_jwt',
  secrets: [],
  jwks: [clientKey('ES256')],
  tokenEndpointAuthSigningAlg: 'ES256',
}
const uriClient: Client = { ...keyClient, jwks: undefined, jwksUri: 'https://client.example/keys' }

async function authenticate(
  parameters: Record<string, string>,
  found: Client | 'malformed' | 'unknown' = keyClient,
  more: Partial<ClientAuthenticationPorts> = {},
  authorization?: string,
) {
  const calls: string[] = []
  const facts: DecisionFacts = {}
  const ports = { ...clientAuthenticationPorts(calls, found), ...more }
  const form = new Map(Object.entries(parameters))
  const request = formRequest(parameters, authorization)
  try {
    const done = await authenticateClient(request, form, ports, nowSeconds, facts)
    await recordSecretUse(done, ports, nowSeconds)
    return { result: done.client.clientId, calls, facts }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return { result: error.reason, calls, facts, retryAfter: error.retryAfterSeconds }
  }
}
const withAssertion = (changes: object = {}, header: object = {}) => ({
  client_assertion_type: type,
  client_assertion: makeAssertion(changes, header),
})

describe('a client with a key of its own (RFC 7523 §2.2)', () => {
  it('authenticates by an assertion, which is used up, and by no secret', async () => {
    const done = { result: clientId, calls: ['findClient', 'claimAssertion'], facts: { clientId } }
    expect(await authenticate(withAssertion())).toEqual(done)
    expect(await authenticate({ ...withAssertion(), client_id: clientId })).toEqual(done)
  })

  it('authenticates once with one assertion (RFC 7523 §3 item 7)', async () => {
    const used = { claimAssertion: async () => false }
    expect(await authenticate(withAssertion(), keyClient, used)).toEqual({
      result: 'assertion_replayed',
      calls: ['findClient', 'recordFailure'],
      facts: { clientId },
      retryAfter: undefined,
    })
  })

  it('has its assertion claimed with its identifier, end and time', async () => {
    const claims: unknown[] = []
    const claimAssertion: ClientAuthenticationPorts['claimAssertion'] = async (...claim) => {
      claims.push(claim)
      return true
    }
    await authenticate(withAssertion({ exp: nowSeconds + 9.5 }), keyClient, { claimAssertion })
    expect(claims).toEqual([[clientId, { jti: 'assertion-1', expiresAt: nowSeconds + 10 }, nowSeconds]])
  })

  it.each<[string, Client | 'malformed' | 'unknown', object, object, string]>([
    ['that nobody knows', 'unknown', {}, {}, 'client_unknown'],
    ['whose record cannot be trusted', 'malformed', {}, {}, 'client_record_invalid'],
    ['that is disabled', { ...keyClient, status: 'disabled' }, {}, {}, 'client_disabled'],
    ['of secrets', { ...secretClient, jwks: keyClient.jwks }, {}, {}, 'auth_method_not_registered'],
    ['without keys', { ...keyClient, jwks: [] }, {}, {}, 'assertion_key_unknown'],
    ['with other keys', keyClient, {}, { kid: 'other' }, 'assertion_key_unknown'],
    ['of another algorithm', { ...keyClient, jwks: [clientKey('RS256')] }, {}, {}, 'assertion_key_unknown'],
    ['for somebody else', keyClient, { iss: 'other' }, {}, 'assertion_subject_mismatch'],
    ['elsewhere', keyClient, { aud: 'https://other.example' }, {}, 'assertion_audience_mismatch'],
    ['too late', keyClient, { exp: nowSeconds }, {}, 'assertion_expired'],
  ])('does not authenticate: one %s, and nothing is used up', async (_, found, changes, header, reason) => {
    const { result, calls } = await authenticate(withAssertion(changes, header), found)
    expect([result, calls]).toEqual([reason, ['findClient', 'recordFailure']])
  })

  it('does not authenticate by a signature that is not its own', async () => {
    const [head, payload] = makeAssertion().split('.')
    const [, , signature] = makeAssertion({ jti: 'other' }).split('.')
    const forged = { client_assertion_type: type, client_assertion: `${head}.${payload}.${signature}` }
    const { result, calls } = await authenticate(forged)
    expect([result, calls]).toEqual(['assertion_signature_invalid', ['findClient', 'recordFailure']])
  })

  it.each<[string, Record<string, string>, string]>([
    ['no type', { client_assertion: makeAssertion() }, 'assertion_incomplete'],
    ['no assertion', { client_assertion_type: type }, 'assertion_incomplete'],
    ['another type', { ...withAssertion(), client_assertion_type: `${type}x` }, 'assertion_type_unsupported'],
    [
      'a SAML type',
      { ...withAssertion(), client_assertion_type: type.replace('jwt', 'saml2') },
      'assertion_type_unsupported',
    ],
    [
      'more than 4096 characters',
      { client_assertion_type: type, client_assertion: 'x'.repeat(4097) },
      'assertion_too_long',
    ],
    [
      '4096 characters of nothing',
      { client_assertion_type: type, client_assertion: 'x'.repeat(4096) },
      'assertion_malformed',
    ],
    ['no JWS', { client_assertion_type: type, client_assertion: 'a.b.c' }, 'assertion_malformed'],
    ['another client_id', { ...withAssertion(), client_id: 'other' }, 'client_id_mismatch'],
    ['a secret beside it', { ...withAssertion(), client_secret: secret }, 'credentials_repeated'],
    ['a subject that is no identifier', withAssertion({ sub: 'a#b', iss: 'a#b' }), 'client_unknown'],
  ])('is not looked up with %s (RFC 7521 §4.2)', async (_, form, reason) => {
    expect(await authenticate(form)).toMatchObject({ result: reason, calls: [], facts: {} })
  })

  it.each(['client_assertion', 'client_assertion_type'])(
    'does not authenticate in the header as well as by %s (RFC 6749 §2.3)',
    async name => {
      const form = { [name]: 'x' }
      const { result } = await authenticate(form, secretClient, {}, basicHeader(clientId, secret))
      expect(result).toBe('credentials_repeated')
    },
  )
})

describe('a client whose keys are at its jwks_uri (RFC 7591 §2)', () => {
  const fetching = (keys: readonly ClientKey[] | 'unavailable') => {
    const asked: unknown[] = []
    const fetchClientKeys: ClientAuthenticationPorts['fetchClientKeys'] = async (...question) => {
      asked.push(question)
      return keys
    }
    return { asked, fetchClientKeys }
  }

  it('authenticates with the one that its assertion names', async () => {
    const { asked, fetchClientKeys } = fetching([clientKey('ES256'), clientKey('ES256', 'k2')])
    expect((await authenticate(withAssertion(), uriClient, { fetchClientKeys })).result).toBe(clientId)
    expect(asked).toEqual([['https://client.example/keys', 'k1', 'ES256']])
  })

  it('does not authenticate while they cannot be fetched', async () => {
    const { fetchClientKeys } = fetching('unavailable')
    const { result, calls } = await authenticate(withAssertion(), uriClient, { fetchClientKeys })
    expect([result, calls]).toEqual(['client_keys_unavailable', ['findClient', 'recordFailure']])
  })

  it('has nothing fetched for it while it is disabled', async () => {
    const { asked, fetchClientKeys } = fetching([clientKey('ES256')])
    const disabled: Client = { ...uriClient, status: 'disabled' }
    expect((await authenticate(withAssertion(), disabled, { fetchClientKeys })).result).toBe(
      'client_disabled',
    )
    expect(asked).toEqual([])
  })
})

describe('too many failures', () => {
  const failed = (count: number) => ({
    findClient: async () => ({ client: secretClient, failures: { count, since: nowSeconds - 10 } }),
  })
  const basic = basicHeader(clientId, secret)

  it('make the client wait at that address, whatever its secret is (RFC 6585 §4)', async () => {
    expect(await authenticate({}, secretClient, failed(20), basic)).toEqual({
      result: 'too_many_failures',
      calls: [],
      facts: { clientId },
      retryAfter: 50,
    })
    const { result, calls } = await authenticate({}, secretClient, failed(19), basic)
    expect([result, calls]).toEqual([clientId, ['recordSecretUse secret-1']])
  })

  it('are counted for the client and the address, in the window that was read', async () => {
    const recorded: unknown[] = []
    const recordFailure: ClientAuthenticationPorts['recordFailure'] = async (...failure) => {
      recorded.push(failure)
    }
    const wrong = basicHeader(clientId, 'wrong')
    const { result } = await authenticate({}, secretClient, { ...failed(3), recordFailure }, wrong)
    expect(result).toBe('secret_wrong')
    expect(recorded).toEqual([
      [{ clientId, source: sourceIp }, { count: 3, since: nowSeconds - 10 }, nowSeconds],
    ])
  })
})
