import { type AttributeValue, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { maxAccessTokenLifetimeSeconds, minAccessTokenLifetimeSeconds } from '../oauth/access-token-claims.ts'
import type { Client, ResourceGrant, TokenEndpointAuthMethod } from '../oauth/client.ts'
import { tokenEndpointAuthMethods } from '../oauth/client.ts'
import type { ClientSecret } from '../oauth/client-secret.ts'
import { parseScope } from '../oauth/scope.ts'
import { MalformedRecord } from '../oauth/unavailable.ts'
import { deadline } from './aws-clients.ts'
import { Item } from './item.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** The `Clients` table as the token and revocation endpoints read it. */
export class ClientsTable {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#records = records
  }

  /**
   * Reads one client, strongly consistent. A deleted client is undefined; a record that cannot be trusted is
   * 'malformed' and reported, and concerns that client alone. @throws Unavailable
   */
  async find(clientId: string): Promise<Client | 'malformed' | undefined> {
    const Key = { client_id: { S: clientId } }
    const get = new GetItemCommand({ TableName: this.#tableName, Key, ConsistentRead: true })
    const { Item: attributes } = await call('store', () => this.#client.send(get, deadline()), this.#records)
    if (attributes === undefined || attributes.status?.S === 'deleted') return undefined
    try {
      return parseClient(attributes)
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
      this.#records.malformedRecord('Clients', clientId, error.message)
      return 'malformed'
    }
  }
}

function parseClient(attributes: Record<string, AttributeValue>): Client {
  const item = new Item(attributes)
  const digests = item.item('secret_digests')
  return {
    clientId: item.string('client_id'),
    status: parseStatus(item.string('status')),
    tokenEndpointAuthMethod: parseAuthMethod(item.string('token_endpoint_auth_method')),
    grants: item.items('grants').map(parseGrant),
    accessTokenLifetimeSeconds: parseLifetime(item),
    secrets: item.items('secrets').map(secret => parseSecret(secret, digests)),
    tokensRevokedUpTo: item.optionalNumber('tokens_revoked_up_to') ?? 0,
  }
}

function parseLifetime(item: Item): number | undefined {
  const lifetime = item.optionalNumber('access_token_lifetime')
  const outside =
    lifetime !== undefined &&
    (lifetime < minAccessTokenLifetimeSeconds || lifetime > maxAccessTokenLifetimeSeconds)
  if (outside) throw new MalformedRecord('attribute access_token_lifetime is out of its limits')
  return lifetime
}

export function parseStatus(status: string): 'active' | 'disabled' {
  if (status === 'active' || status === 'disabled') return status
  throw new MalformedRecord('attribute status is not known')
}

export function parseAuthMethod(text: string): TokenEndpointAuthMethod {
  const method = tokenEndpointAuthMethods.find(known => known === text)
  if (method === undefined) throw new MalformedRecord('attribute token_endpoint_auth_method is not known')
  return method
}

export function parseGrant(item: Item): ResourceGrant {
  const scope = parseScope(item.string('scope'))
  if (scope === undefined) throw new MalformedRecord('attribute scope is not a scope')
  return { resource: item.string('resource'), scope }
}

function parseSecret(item: Item, digests: Item): ClientSecret {
  const secretId = item.string('secret_id')
  return {
    secretId,
    digest: digests.binary(secretId),
    createdAt: item.number('created_at'),
    expiresAt: item.optionalNumber('expires_at'),
  }
}
