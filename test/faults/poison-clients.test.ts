import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import { endpointNames } from '../attacks/support/attacked-endpoints.ts'
import { useClientFunctions } from '../attacks/support/client-functions.ts'
import { clientItem, ordersAudience, secretId } from '../lambda/support/client-item.ts'
import type { Attributes } from '../lambda/support/local-store.ts'
import { soundClient, wrongValues } from './support/poison.ts'

const functions = useClientFunctions()
beforeEach(() => functions().addClient('neighbour'))

/** What the token endpoint does not look at: damage there costs nobody anything. */
const unread = ['client_name', 'version', 'write_id', 'created_at', 'updated_at']

/** Optional ones, without which a record is sound; and the one that says how much is revoked, new records have it. */
const optional = [
  'access_token_lifetime',
  'jwks',
  'jwks_uri',
  'token_endpoint_auth_signing_alg',
  'resource_server',
  'tokens_revoked_up_to',
]

/** Which values an attribute may have though they are not what it had. */
const fitting: Record<string, readonly string[]> = {
  jwks_uri: ['text', 'huge text'],
  resource_server: ['text', 'huge text'],
}

const attributes = Object.keys(soundClient).filter(name => name !== 'client_id')

describe('a client whose record has', () => {
  it.each(attributes)('F25: a damaged %s is refused alone, and reported with its id', async name => {
    const damages: [string, AttributeValue | undefined][] = [
      ['nothing', undefined],
      ...Object.entries(wrongValues),
    ]
    for (const [what, value] of damages) {
      const clientId = `${name}-${what}`.replaceAll(/[ _]/g, '-')
      const { [name]: _, ...others } = { ...soundClient, client_id: { S: clientId } } as Attributes
      await functions().store.put('Clients', value === undefined ? others : { ...others, [name]: value })
      const { status, body, event, texts } = await functions().invoke('token', clientId)
      const isSound =
        unread.includes(name) ||
        fitting[name]?.includes(what) ||
        (value === undefined && optional.includes(name))
      if (isSound) {
        expect([what, status, event.reason]).toEqual([what, 200, 'ok'])
      } else {
        expect([what, status, JSON.parse(body).error]).toEqual([what, 401, 'invalid_client'])
        expect(event).toMatchObject({ reason: 'client_record_invalid', clientId })
        const [report] = texts
          .map(text => JSON.parse(text))
          .filter(line => line.message === 'malformed record')
        expect(report).toMatchObject({ table: 'Clients', key: clientId, level: 'ERROR', StoreErrors: 1 })
        // The attribute and never its value.
        expect(texts.join('')).not.toContain('xxxx')
      }
    }
    for (const endpoint of endpointNames)
      expect((await functions().invoke(endpoint, 'neighbour')).status).toBe(200)
  })

  const many = (count: number, element: AttributeValue): AttributeValue => ({ L: Array(count).fill(element) })
  const grant = (scope: string): AttributeValue => ({
    M: { resource: { S: ordersAudience }, scope: { S: scope } },
  })
  const secret = { M: { secret_id: { S: secretId }, created_at: { N: '1' } } }

  it.each<[string, Attributes]>([
    ['5,000 grants', { grants: many(5000, grant('orders:read')) }],
    ['no grants', { grants: { L: [] } }],
    ['a scope of 300 kB', { grants: { L: [grant('s'.repeat(300_000))] } }],
    [
      '40,000 scope values',
      { grants: { L: [grant(Array.from({ length: 40_000 }, (_, i) => `s${i}`).join(' '))] } },
    ],
    ['a scope that is none', { grants: { L: [grant('orders:read  orders:write')] } }],
    [
      'a grant at a resource that is none',
      { grants: { L: [{ M: { resource: { S: 'x' }, scope: { S: 'a' } } }] } },
    ],
    ['a secret without a digest', { secret_digests: { M: {} } }],
    ['a digest of another length', { secret_digests: { M: { [secretId]: { B: new Uint8Array(3) } } } }],
    ['no secrets', { secrets: { L: [] } }],
    ['a lifetime of no time', { access_token_lifetime: { N: '0' } }],
    ['a lifetime of a year', { access_token_lifetime: { N: '31536000' } }],
    ['a status that nobody knows', { status: { S: 'ACTIVE' } }],
    ['the identifier of another', { client_id: { S: 'imposter' } }],
  ])(
    'F25: %s gets no token that an authorizer would accept, and no other client notices',
    async (what, changes) => {
      const clientId = `odd-${what.replaceAll(/[^a-z0-9]/g, '-')}`
      await functions().store.put('Clients', { ...clientItem(clientId), ...changes })
      for (const endpoint of endpointNames) {
        const { status, headers, body } = await functions().invoke(endpoint, clientId)
        expect(headers['cache-control']).toBe('no-store')
        // 503 where so much of a record takes too long to come.
        expect([200, 400, 401, 503]).toContain(status)
        if (endpoint === 'token') expect([what, status]).not.toEqual([what, 200])
        if (status !== 200)
          expect(JSON.parse(body).error).toMatch(/^(invalid_(client|scope|target)|temporarily_unavailable)$/)
        expect((await functions().invoke(endpoint, 'neighbour')).status).toBe(200)
      }
    },
  )

  it('F25: 5,000 secrets is found and compared like any, and its token is good', async () => {
    await functions().store.put('Clients', { ...clientItem('hoarder'), secrets: many(5000, secret) })
    expect((await functions().invoke('token', 'hoarder')).status).toBe(200)
  })
})
