import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { basicHeader, client, formRequest, newTokenEndpoint, secret } from './support/token-endpoint.ts'
import { audience, clientId } from './support/token-maker.ts'

const grantType = { grant_type: 'client_credentials' }
const basic = basicHeader(clientId, secret)

describe('a refused token request', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['grant_type_missing', {}, []],
    ['grant_type_unsupported', { grant_type: 'evil-marker' }, []],
    ['scope_malformed', { ...grantType, scope: 'evil-marker  x' }, []],
    ['resource_malformed', { ...grantType, resource: 'evil-marker' }, []],
    ['client_id_mismatch', { ...grantType, client_id: 'evil-marker' }, []],
    ['scope_not_granted', { ...grantType, scope: 'evil-marker' }, ['findClient']],
    ['resource_not_granted', { ...grantType, resource: 'https://evil-marker.example/' }, ['findClient']],
  ])('%s signs nothing, notes no use and echoes nothing (RFC 6749 §5.2)', async (expected, form, asked) => {
    const { request, calls } = newTokenEndpoint()
    const { response, reason, facts } = await request(formRequest(form, basic))
    expect([reason, calls]).toEqual([expected, asked])
    expect(JSON.stringify([response, reason, facts])).not.toContain('evil-marker')
    expect(JSON.stringify(response)).not.toContain(secret)
  })

  it('needs a resource of a client that has several, then issues for that one (RFC 8707 §2)', async () => {
    const payments = { resource: 'https://payments.example.com', scope: ['refund'] }
    const { request, calls } = newTokenEndpoint({ ...client, grants: [...client.grants, payments] })
    expect((await request(formRequest(grantType, basic))).reason).toBe('resource_missing')
    expect(calls).toEqual(['findClient'])
    const named = await request(formRequest({ ...grantType, resource: payments.resource }, basic))
    expect(named.facts).toEqual({ clientId, audience: payments.resource, scope: 'refund', jti: 'token-id' })
  })

  it('names the audience but no token in the audit event when signing fails', async () => {
    const { endpoint, request, calls } = newTokenEndpoint()
    Object.assign(endpoint, { sign: async () => Promise.reject(new Unavailable('kms')) })
    const { facts } = await request(formRequest(grantType, basic))
    expect(facts).toEqual({ clientId, audience, scope: 'orders:read orders:write' })
    expect(calls).toEqual(['findClient', 'findResourceServer', 'findSigningKeys'])
  })

  it.each(['findClient', 'findResourceServer', 'findSigningKeys'])(
    'is an outage, not a refusal, when %s fails',
    async port => {
      const { endpoint, request } = newTokenEndpoint()
      const outage = new Unavailable('store')
      Object.assign(endpoint, { [port]: async () => Promise.reject(outage) })
      await expect(request(formRequest(grantType, basic))).rejects.toBe(outage)
    },
  )

  it('with a secret in the body takes the registered method only (RFC 7591 §2)', async () => {
    const http = formRequest({ ...grantType, client_id: clientId, client_secret: secret })
    expect((await newTokenEndpoint().request(http)).reason).toBe('auth_method_not_registered')
    const post = { ...client, tokenEndpointAuthMethod: 'client_secret_post' as const }
    expect((await newTokenEndpoint(post).request(http)).response.status).toBe(200)
  })
})
