import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { parseFailures } from '../../lambda/adapters/authentication-failures-item.ts'
import { ClientsAdministrationTable } from '../../lambda/adapters/clients-administration-table.ts'
import { ClientsTable } from '../../lambda/adapters/clients-table.ts'
import { Item } from '../../lambda/adapters/item.ts'
import { ResourceServersTable } from '../../lambda/adapters/resource-servers-table.ts'
import { RevocationsTable } from '../../lambda/adapters/revocations-table.ts'
import { SigningKeysTable } from '../../lambda/adapters/signing-keys-table.ts'
import { MalformedRecord, Unavailable } from '../../lambda/oauth/unavailable.ts'
import { clientItem } from '../lambda/support/client-item.ts'
import { recordedLines } from '../lambda/support/recorded-lines.ts'
import { signingKeyItem, signingKeyPair } from '../lambda/support/signing-key-pair.ts'
import { anyText } from './arbitrary-json.ts'
import { outcomeOf, settledOf } from './declared-errors.ts'
import { itHolds } from './run-property.ts'

type Attributes = Record<string, AttributeValue>

/** Anything that DynamoDB can hold under a name. */
const { anyAttribute } = fc.letrec<{ anyAttribute: AttributeValue }>(tie => ({
  anyAttribute: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyText.map(S => ({ S })),
    fc
      .oneof(fc.integer().map(String), fc.double().map(String), fc.constantFrom('1e300', '-1', '0.5'))
      .map(N => ({ N })),
    fc.uint8Array().map(B => ({ B })),
    fc.constantFrom<AttributeValue>(
      { NULL: true },
      { BOOL: true },
      { SS: ['a'] },
      { NS: ['1'] },
      { L: [] },
      { M: {} },
    ),
    fc.array(tie('anyAttribute'), { maxLength: 3 }).map(L => ({ L })),
    fc
      .dictionary(fc.constantFrom('resource', 'scope', 'secret_id', 'kid'), tie('anyAttribute'))
      .map(M => ({ M })),
  ),
}))

/** A stored item, most of it as it should be: some attributes are missing, others are anything. */
function damaged(item: Attributes, more: Readonly<Record<string, fc.Arbitrary<AttributeValue>>> = {}) {
  const names = [...new Set([...Object.keys(item), ...Object.keys(more)])]
  const changes = names.map(name => {
    const changed = fc.oneof(anyAttribute, fc.constant(undefined), more[name] ?? anyAttribute)
    return fc.tuple(fc.constant(name), changed)
  })
  return fc
    .subarray(changes, { maxLength: Math.min(3, changes.length) })
    .chain(list => fc.tuple(...list))
    .map(list => {
      const merged: Record<string, AttributeValue | undefined> = { ...item, ...Object.fromEntries(list) }
      return Object.fromEntries(
        Object.entries(merged).filter(([, value]) => value !== undefined),
      ) as Attributes
    })
}

/** A store that answers every read with this one item. */
function storeOf(item: Attributes): DynamoDBClient {
  const send = async ({ input }: { readonly input: { readonly RequestItems?: object } }) => {
    const tables = Object.keys(input.RequestItems ?? {})
    const Responses = Object.fromEntries(tables.map(table => [table, [item]]))
    return { Item: item, Items: [item], Count: 1, Responses }
  }
  return { send } as unknown as DynamoDBClient
}

const { records } = recordedLines()

describe('a stored client', () => {
  const item = damaged(clientItem('id'), {
    access_token_lifetime: fc.constantFrom({ N: '600' }, { N: '59' }, { N: '3601' }),
    jwks: fc.constantFrom<AttributeValue>({ L: [{ M: { alg: { S: 'ES256' } } }] }, { L: [{ M: {} }] }),
    jwks_uri: fc.constant({ S: 'https://example.com' }),
    token_endpoint_auth_signing_alg: fc.constantFrom({ S: 'ES256' }, { S: 'none' }),
    status: fc.constantFrom({ S: 'active' }, { S: 'disabled' }, { S: 'deleted' }, { S: 'Active' }),
  })

  itHolds(
    'is a client, none, or malformed for that client alone, whatever its record holds',
    250,
    fc.asyncProperty(item, async attributes => {
      const table = new ClientsTable(storeOf(attributes), 'Clients', 'SingleUse', records)
      const { client } = await table.find({ clientId: 'id', source: '192.0.2.7' })
      if (typeof client !== 'object') {
        expect(['malformed', undefined]).toContain(client)
        return
      }
      expect(['active', 'disabled']).toContain(client.status)
      expect(client.clientId).toBe(attributes.client_id?.S)
      expect(client.secrets.every(({ digest }) => digest instanceof Uint8Array)).toBe(true)
      expect(Number.isSafeInteger(client.tokensRevokedUpTo)).toBe(true)
    }),
  )

  itHolds(
    'is read by administration or a malformed record, and spoils no list of others',
    250,
    fc.asyncProperty(item, async attributes => {
      const table = new ClientsAdministrationTable(storeOf(attributes), 'Clients', records)
      const found = await settledOf(() => table.find('id'), MalformedRecord)
      const { clients } = await table.list(50, undefined)
      expect(clients).toHaveLength(found === 'refused' ? 0 : 1)
    }),
  )

  itHolds(
    'has failures counted or none, whatever the counter holds',
    150,
    fc.property(damaged({ failures: { N: '3' }, since: { N: '1767323045' } }), attributes => {
      const failures = outcomeOf(() => parseFailures(attributes))
      if (failures === undefined || failures === 'refused') return
      expect([failures.count, failures.since].every(Number.isSafeInteger)).toBe(true)
    }),
  )
})

describe('other records', () => {
  const pair = signingKeyPair()
  const keyItem = damaged(signingKeyItem('ring', pair.key), {
    public_jwk: anyText.map(S => ({ S })),
    verify_until: fc.constantFrom({ N: '1' }, { N: '-1' }),
  })

  itHolds(
    'are a signing key, or make the whole ring unreadable, whatever they hold (RFC 7517 §4)',
    150,
    fc.asyncProperty(keyItem, async attributes => {
      const table = new SigningKeysTable(storeOf(attributes), 'SigningKeys', 'ring', records)
      const keys = await settledOf(() => table.read(), Unavailable)
      if (keys === 'refused') return
      expect(keys).toHaveLength(1)
      for (const { kid, publicJwk } of keys) {
        expect([kid, publicJwk.kid]).toEqual([attributes.kid?.S, attributes.kid?.S])
        expect(Object.keys(publicJwk)).toEqual(['kty', 'crv', 'x', 'y', 'kid', 'alg', 'use'])
      }
    }),
  )

  const revocationItem = damaged(
    { shard: { S: '0' }, subject: { S: 'jti#token-1' }, revoked_at: { N: '1' }, expires_at: { N: '2' } },
    {
      subject: fc.constantFrom(
        { S: 'client#id' },
        { S: 'kid#key-1' },
        { S: 'all' },
        { S: 'all#' },
        { S: 'jti#' },
      ),
      revoked_up_to: fc.constantFrom({ N: '1767323045' }, { N: '1.5' }),
    },
  )

  itHolds(
    'are a revocation, or make the whole reading fail: one that cannot be read may revoke anything',
    250,
    fc.asyncProperty(revocationItem, async attributes => {
      const table = new RevocationsTable(storeOf(attributes), 'Revocations', 4, records)
      const page = await settledOf(() => table.read('0', 0, undefined), Unavailable)
      const found = await settledOf(() => table.lookUp(['jti#token-1']), Unavailable)
      expect(page === 'refused').toBe(found === 'refused')
      if (page === 'refused') return
      expect(page.revocations).toEqual(found)
      expect(page.revocations).toHaveLength(1)
    }),
  )

  const resourceServerItem = damaged({
    audience: { S: 'https://orders.example.com' },
    scopes: { L: [{ M: { scope: { S: 'orders:read' }, description: { S: '' } } }] },
    managed_by: { S: 'administration' },
    version: { N: '1' },
    created_at: { N: '1' },
    updated_at: { N: '1' },
  })

  itHolds(
    'are a resource server or none, whatever they hold',
    150,
    fc.asyncProperty(resourceServerItem, async attributes => {
      const table = new ResourceServersTable(storeOf(attributes), 'ResourceServers', records)
      const found = await table.read('https://orders.example.com')
      if (found === undefined) return
      expect(found.audience).toBe(attributes.audience?.S)
    }),
  )

  itHolds(
    'have attributes of the type that is asked for, or are malformed',
    250,
    fc.property(fc.dictionary(fc.constantFrom('a', 'b'), anyAttribute), attributes => {
      const item = new Item(attributes)
      const read = <Value>(parse: () => Value) => outcomeOf(parse, MalformedRecord)
      expect(['string']).toContain(typeof read(() => item.string('a')))
      expect(['number', 'string']).toContain(typeof read(() => item.number('a')))
      expect(['number', 'string', 'undefined']).toContain(typeof read(() => item.optionalNumber('a')))
      expect(['object', 'string']).toContain(typeof read(() => item.binary('a')))
      expect(['object', 'string']).toContain(typeof read(() => item.items('a')))
      expect(['object', 'string']).toContain(typeof read(() => item.item('a')))
    }),
  )
})
