import { describe, expect, it } from 'vitest'
import type { Client } from '../../../lambda/oauth/client.ts'
import {
  authenticateClient,
  type ClientAuthenticationPorts,
} from '../../../lambda/oauth/client-authentication.ts'
import type { DecisionFacts } from '../../../lambda/oauth/decision-facts.ts'
import { OAuthError } from '../../../lambda/oauth/oauth-error.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import {
  basicHeader,
  client,
  clientAuthenticationPorts,
  formRequest,
  otherSecret,
  secret,
  storedSecret,
} from './support/token-endpoint.ts'
import { clientId, nowSeconds } from './support/token-maker.ts'

const postClient: Client = { ...client, tokenEndpointAuthMethod: 'client_secret_post' }
const inBody = { client_id: clientId, client_secret: secret }
const basic = basicHeader(clientId, secret)

async function authenticate(
  parameters: Record<string, string>,
  authorization: string | undefined,
  found: Client | 'malformed' | 'unknown' = client,
) {
  const lookedUp: string[] = []
  const facts: DecisionFacts = {}
  const ports: ClientAuthenticationPorts = {
    ...clientAuthenticationPorts([], found),
    findClient: async ({ clientId: id }) => {
      lookedUp.push(id)
      return { client: found === 'unknown' ? undefined : found, failures: undefined }
    },
  }
  const request = formRequest(parameters, authorization)
  const form = new Map(Object.entries(parameters))
  try {
    const done = await authenticateClient(request, form, ports, nowSeconds, facts)
    return { result: `${done.client.clientId} ${done.secret?.secretId}`, lookedUp, facts }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return { result: error.reason, lookedUp, facts }
  }
}

describe('a client', () => {
  it('authenticates by the method that it is registered with (RFC 6749 §2.3.1)', async () => {
    const done = { result: `${clientId} secret-1`, lookedUp: [clientId], facts: { clientId } }
    expect(await authenticate({}, basic)).toEqual(done)
    expect(await authenticate({ client_id: clientId }, basic)).toEqual(done)
    expect(await authenticate(inBody, undefined, postClient)).toEqual(done)
  })

  it('authenticates by no other method (RFC 7591 §2)', async () => {
    const refused = { result: 'auth_method_not_registered', lookedUp: [clientId], facts: { clientId } }
    expect(await authenticate(inBody, undefined, client)).toEqual(refused)
    expect(await authenticate({}, basic, postClient)).toEqual(refused)
  })

  it.each<[string, Record<string, string>, string | undefined, string]>([
    ['in header and body', inBody, basic, 'credentials_repeated'],
    ['by secret and assertion', { client_assertion: 'x' }, basic, 'credentials_repeated'],
    ['by body and assertion', { ...inBody, client_assertion: 'x' }, undefined, 'credentials_repeated'],
    ['as somebody else in the body', { client_id: 'other' }, basic, 'client_id_mismatch'],
    ['in two headers', {}, `${basic},${basic}`, 'authorization_repeated'],
    ['without a secret', { client_id: clientId }, undefined, 'credentials_missing'],
    ['without an identifier', { client_secret: secret }, undefined, 'credentials_missing'],
    ['by an assertion', { client_id: clientId, client_assertion: 'x' }, undefined, 'assertion_incomplete'],
    ['not at all', {}, undefined, 'credentials_missing'],
    ['by an empty header', {}, '', 'credentials_malformed'],
    ['by a bearer token', {}, 'Bearer abc', 'credentials_malformed'],
    ['by a malformed escape', {}, basicHeader(clientId, '%'), 'parameter_malformed'],
  ])(
    'does not authenticate %s, and the store is not asked (RFC 6749 §2.3)',
    async (_, form, header, reason) => {
      expect(await authenticate(form, header)).toEqual({ result: reason, lookedUp: [], facts: {} })
    },
  )

  it.each(['a#b', 'a/b', 'a b', 'a\u00e9', '..%2f'.repeat(14), 'x'.repeat(65)])(
    'is not looked up as %j, which no identifier is',
    async id => {
      const form = { client_id: id, client_secret: secret }
      expect(await authenticate(form, undefined)).toEqual({
        result: 'client_unknown',
        lookedUp: [],
        facts: {},
      })
    },
  )

  it.each<[string, Client | 'malformed', string, string]>([
    ['a record that cannot be trusted', 'malformed', secret, 'client_record_invalid'],
    ['a disabled client', { ...client, status: 'disabled' }, secret, 'client_disabled'],
    ['a disabled client’s wrong secret', { ...client, status: 'disabled' }, otherSecret, 'secret_wrong'],
    ['a wrong secret', client, otherSecret, 'secret_wrong'],
    [
      'an expired secret',
      { ...client, secrets: [{ ...storedSecret, expiresAt: nowSeconds }] },
      secret,
      'secret_expired',
    ],
    ['a client without secrets', { ...client, secrets: [] }, secret, 'secret_wrong'],
  ])('is refused as %s after one look-up (RFC 6749 §5.2)', async (_, found, text, reason) => {
    const { result, lookedUp, facts } = await authenticate({}, basicHeader(clientId, text), found)
    expect({ result, lookedUp, facts }).toEqual({ result: reason, lookedUp: [clientId], facts: { clientId } })
  })

  it('names nobody in the audit event when it is not registered: the text may be a secret', async () => {
    expect(await authenticate({}, basic, 'unknown')).toEqual({
      result: 'client_unknown',
      lookedUp: [clientId],
      facts: {},
    })
  })

  it('is not refused for an outage: that goes to the caller as it is', async () => {
    const outage = new Unavailable('store')
    const down = {
      ...clientAuthenticationPorts([]),
      findClient: async () => {
        throw outage
      },
    }
    const attempt = authenticateClient(formRequest({}, basic), new Map(), down, nowSeconds, {})
    await expect(attempt).rejects.toBe(outage)
  })
})
