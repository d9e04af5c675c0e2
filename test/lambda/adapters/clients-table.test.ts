import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ClientsTable } from '../../../lambda/adapters/clients-table.ts'
import { digestSecret } from '../../../lambda/oauth/client-secret.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { clientItem, clientSecret, ordersAudience, secretId } from '../support/client-item.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { type Attributes, startLocalStore, storeClient } from '../support/local-store.ts'
import { nowMilliseconds, recordedLines, storeError } from '../support/recorded-lines.ts'

const store = await startLocalStore()
const recorded = recordedLines()
const clients = new ClientsTable(store.client, 'Clients', 'SingleUse', recorded.records)

const source = '192.0.2.1'
const find = async (clientId: string) => (await clients.find({ clientId, source })).client

afterAll(() => store.close())
beforeEach(() => recorded.clear())

const marker = 'do-not-print-me'

describe('ClientsTable', () => {
  it('reads every member of a client, digests of secrets included', async () => {
    const changes = {
      access_token_lifetime: { N: '120' },
      tokens_revoked_up_to: { N: '1700000100' },
      token_endpoint_auth_method: { S: 'client_secret_post' },
      secrets: {
        L: [
          {
            M: {
              secret_id: { S: secretId },
              created_at: { N: '1700000000' },
              expires_at: { N: '1700009999' },
            },
          },
        ],
      },
    }
    await store.put('Clients', clientItem('complete', changes))
    const client = await find('complete')
    expect(client).toEqual({
      clientId: 'complete',
      status: 'active',
      tokenEndpointAuthMethod: 'client_secret_post',
      grants: [{ resource: ordersAudience, scope: ['orders:read', 'orders:write'] }],
      accessTokenLifetimeSeconds: 120,
      secrets: [
        {
          secretId,
          digest: new Uint8Array(digestSecret(clientSecret)),
          createdAt: 1_700_000_000,
          expiresAt: 1_700_009_999,
        },
      ],
      jwks: undefined,
      jwksUri: undefined,
      tokenEndpointAuthSigningAlg: undefined,
      resourceServer: undefined,
      tokensRevokedUpTo: 1_700_000_100,
    })
    expect(recorded.texts).toEqual([])
  })

  it('knows no client that was never registered', async () => {
    expect(await find('nobody')).toBe(undefined)
  })

  it('takes a deleted client for none, whatever else is left of its record', async () => {
    await store.put('Clients', { client_id: { S: 'tombstone' }, status: { S: 'deleted' } })
    expect(await find('tombstone')).toBe(undefined)
    expect(recorded.texts).toEqual([])
  })

  it('gives a disabled client as such: refusing it is not the adapter’s decision', async () => {
    await store.put('Clients', clientItem('disabled', { status: { S: 'disabled' } }))
    expect(await find('disabled')).toMatchObject({ clientId: 'disabled', status: 'disabled' })
  })

  it('reads strongly consistent, so that a disabled client is seen as disabled at once', async () => {
    const proxy = await startFaultServer(store.url)
    await store.put('Clients', clientItem('consistent'))
    await new ClientsTable(storeClient(proxy.url), 'Clients', 'SingleUse', recorded.records).find({
      clientId: 'consistent',
      source,
    })
    await proxy.close()
    expect(proxy.operations).toEqual(['BatchGetItem'])
    expect(proxy.bodies[0]).toEqual({
      RequestItems: {
        Clients: { Keys: [{ client_id: { S: 'consistent' } }], ConsistentRead: true },
        SingleUse: { Keys: [{ id: { S: 'failures#consistent#192.0.2.1' } }], ConsistentRead: true },
      },
    })
  })

  it('is unavailable when the table is not there, and says which error it was', async () => {
    const elsewhere = new ClientsTable(store.client, 'NoSuchTable', 'SingleUse', recorded.records)
    const error = await elsewhere.find({ clientId: 'complete', source }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Unavailable)
    expect(error).toMatchObject({ dependency: 'store' })
    const line = {
      timestamp: '2026-01-02T03:04:05.000Z',
      level: 'WARN',
      service: 'token',
      message: 'store call failed',
      error: 'ResourceNotFoundException',
      StoreErrors: 1,
      _aws: {
        Timestamp: nowMilliseconds,
        CloudWatchMetrics: [
          {
            Namespace: 'Countersign',
            Dimensions: [[], ['service']],
            Metrics: [{ Name: 'StoreErrors', Unit: 'Count' }],
          },
        ],
      },
    }
    // The second is the client alone, as it may have been the counter that was missing.
    expect(recorded.lines).toEqual([line, line])
  })
})

const secret = (changes: Attributes): Attributes => ({
  secrets: {
    L: [{ M: { secret_id: { S: secretId }, created_at: { N: '1700000000' }, ...changes } }],
  },
})
const grant = (entry: Attributes): Attributes => ({ grants: { L: [{ M: entry }] } })

/** One attribute of each record is wrong: its name, the record's change, and what is reported. */
const malformed: [string, Attributes, string][] = [
  ['status unknown', { status: { S: marker } }, 'attribute status is not known'],
  ['status of another case', { status: { S: 'ACTIVE' } }, 'attribute status is not known'],
  ['status empty', { status: { S: '' } }, 'attribute status is not known'],
  ['status not a string', { status: { BOOL: true } }, 'attribute status is not a string'],
  [
    'method unknown',
    { token_endpoint_auth_method: { S: marker } },
    'attribute token_endpoint_auth_method is not known',
  ],
  [
    'method `none`',
    { token_endpoint_auth_method: { S: 'none' } },
    'attribute token_endpoint_auth_method is not known',
  ],
  [
    'method not a string',
    { token_endpoint_auth_method: { L: [{ S: marker }] } },
    'attribute token_endpoint_auth_method is not a string',
  ],
  ['grants not a list', { grants: { S: marker } }, 'attribute grants is not a list'],
  ['grants a string set', { grants: { SS: [marker] } }, 'attribute grants is not a list'],
  ['a grant not a map', { grants: { L: [{ S: marker }] } }, 'attribute grants is not a list of maps'],
  [
    'a grant without a resource',
    grant({ scope: { S: 'orders:read' } }),
    'attribute resource is not a string',
  ],
  ['a grant without a scope', grant({ resource: { S: marker } }), 'attribute scope is not a string'],
  [
    'a grant with two spaces in its scope',
    grant({ resource: { S: ordersAudience }, scope: { S: `${marker}  b` } }),
    'attribute scope is not a scope',
  ],
  [
    'a grant with an empty scope',
    grant({ resource: { S: ordersAudience }, scope: { S: '' } }),
    'attribute scope is not a scope',
  ],
  [
    'lifetime text',
    { access_token_lifetime: { S: marker } },
    'attribute access_token_lifetime is not a number',
  ],
  [
    'lifetime null',
    { access_token_lifetime: { NULL: true } },
    'attribute access_token_lifetime is not a number',
  ],
  [
    'lifetime negative',
    { access_token_lifetime: { N: '-1' } },
    'attribute access_token_lifetime is not a number',
  ],
  [
    'lifetime broken',
    { access_token_lifetime: { N: '0.5' } },
    'attribute access_token_lifetime is not a number',
  ],
  [
    'lifetime beyond a double',
    { access_token_lifetime: { N: '9007199254740993' } },
    'attribute access_token_lifetime is not a number',
  ],
  ['moment text', { tokens_revoked_up_to: { S: marker } }, 'attribute tokens_revoked_up_to is not a number'],
  ['secrets a map', { secrets: { M: {} } }, 'attribute secrets is not a list'],
  ['a secret not a map', { secrets: { L: [{ S: marker }] } }, 'attribute secrets is not a list of maps'],
  [
    'a secret with a number for its id',
    secret({ secret_id: { N: '1' } }),
    'attribute secret_id is not a string',
  ],
  [
    'a secret with text for its making',
    secret({ created_at: { S: marker } }),
    'attribute created_at is not a number',
  ],
  [
    'a secret with text for its end',
    secret({ expires_at: { S: marker } }),
    'attribute expires_at is not a number',
  ],
  ['a secret without a digest', secret({ secret_id: { S: 'other' } }), 'attribute other is not binary'],
  ['digests a string', { secret_digests: { S: marker } }, 'attribute secret_digests is not a map'],
  [
    'a digest that is text',
    { secret_digests: { M: { [secretId]: { S: marker } } } },
    `attribute ${secretId} is not binary`,
  ],
]

/** Attributes without which there is no client. */
const required: [string, string][] = [
  ['status', 'attribute status is not a string'],
  ['token_endpoint_auth_method', 'attribute token_endpoint_auth_method is not a string'],
  ['grants', 'attribute grants is not a list'],
  ['secrets', 'attribute secrets is not a list'],
  ['secret_digests', 'attribute secret_digests is not a map'],
]

describe('a malformed client record', () => {
  it.each(malformed)(
    'concerns that client alone and is reported without its value: %s',
    async (_, changes, problem) => {
      await store.put('Clients', clientItem('poisoned', changes))
      await store.put('Clients', clientItem('healthy'))
      expect(await find('poisoned')).toBe('malformed')
      expect(await find('healthy')).toMatchObject({ clientId: 'healthy', status: 'active' })
      expect(recorded.lines).toEqual([report('poisoned', problem)])
      expect(recorded.texts.join('')).not.toContain(marker)
    },
  )

  it.each(required)('is one without the attribute %s', async (name, problem) => {
    const { [name]: _, ...item } = clientItem('incomplete')
    await store.put('Clients', item)
    expect(await find('incomplete')).toBe('malformed')
    expect(recorded.lines).toEqual([report('incomplete', problem)])
  })
})

function report(key: string, problem: string): object {
  return {
    timestamp: '2026-01-02T03:04:05.000Z',
    level: 'ERROR',
    service: 'token',
    message: 'malformed record',
    table: 'Clients',
    key,
    problem,
    ...storeError,
  }
}
