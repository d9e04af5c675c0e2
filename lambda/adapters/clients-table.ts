import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
} from '@aws-sdk/client-dynamodb'
import { maxAccessTokenLifetimeSeconds, minAccessTokenLifetimeSeconds } from '../oauth/access-token-claims.ts'
import type { FailureSubject } from '../oauth/authentication-failures.ts'
import type { Client, ResourceGrant, TokenEndpointAuthMethod } from '../oauth/client.ts'
import { tokenEndpointAuthMethods } from '../oauth/client.ts'
import type { FoundClient } from '../oauth/client-authentication.ts'
import type { ClientKey } from '../oauth/client-keys.ts'
import type { ClientSecret } from '../oauth/client-secret.ts'
import { type JwsAlgorithm, jwsAlgorithms } from '../oauth/public-key.ts'
import { parseScope } from '../oauth/scope.ts'
import { MalformedRecord } from '../oauth/unavailable.ts'
import { failuresId, parseFailures } from './authentication-failures-item.ts'
import { deadline } from './aws-clients.ts'
import { Item } from './item.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

type Attributes = Record<string, AttributeValue>

/** What says that the counter of failures, and not the client, could not be read. */
const counterFailures = ['AccessDeniedException', 'ResourceNotFoundException']

/** The `Clients` table as client authentication reads it, with the failures that are counted beside it. */
export class ClientsTable {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #failuresTableName: string
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, failuresTableName: string, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#failuresTableName = failuresTableName
    this.#records = records
  }

  /**
   * Reads one client and the failures counted for it and this source, in one round trip, strongly consistent. A deleted
   * client is undefined; a record that cannot be trusted is 'malformed' and reported, and concerns that client alone.
   * A counter that cannot be read counts nothing. @throws Unavailable
   */
  async find(subject: FailureSubject): Promise<FoundClient> {
    const { client, failures } = await call('store', () => this.#read(subject), this.#records)
    return { client: this.#parse(subject.clientId, client), failures: failures && parseFailures(failures) }
  }

  async #read(subject: FailureSubject): Promise<{ client?: Attributes; failures?: Attributes }> {
    const client = { client_id: { S: subject.clientId } }
    const end = deadline()
    try {
      const RequestItems = {
        [this.#tableName]: { Keys: [client], ConsistentRead: true },
        [this.#failuresTableName]: { Keys: [{ id: { S: failuresId(subject) } }], ConsistentRead: true },
      }
      const both = await this.#client.send(new BatchGetItemCommand({ RequestItems }), end)
      if (both.UnprocessedKeys?.[this.#tableName] === undefined) {
        const [found] = both.Responses?.[this.#tableName] ?? []
        const [failures] = both.Responses?.[this.#failuresTableName] ?? []
        return { ...(found && { client: found }), ...(failures && { failures }) }
      }
    } catch (error) {
      if (!(error instanceof Error && counterFailures.includes(error.name))) throw error
      this.#records.dependencyFailed('store', error.name)
    }
    const get = new GetItemCommand({ TableName: this.#tableName, Key: client, ConsistentRead: true })
    const { Item: found } = await this.#client.send(get, end)
    return found === undefined ? {} : { client: found }
  }

  #parse(clientId: string, attributes: Attributes | undefined): FoundClient['client'] {
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
    ...parseKeySource(item),
    resourceServer: item.optionalString('resource_server'),
    tokensRevokedUpTo: item.optionalNumber('tokens_revoked_up_to') ?? 0,
  }
}

export function parseLifetime(item: Item): number | undefined {
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

/** Where the keys of `private_key_jwt` are, and the algorithm that binds them. */
export function parseKeySource(item: Item): Pick<Client, 'jwks' | 'jwksUri' | 'tokenEndpointAuthSigningAlg'> {
  const algorithm = item.optionalString('token_endpoint_auth_signing_alg')
  return {
    jwks: item.has('jwks') ? item.items('jwks').map(parseClientKey) : undefined,
    jwksUri: item.optionalString('jwks_uri'),
    tokenEndpointAuthSigningAlg: algorithm === undefined ? undefined : parseAlgorithm(algorithm),
  }
}

/** The members that a public key may have; they were checked when the key was registered. */
const keyMembers = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const

function parseClientKey(item: Item): ClientKey {
  const members = keyMembers.map(name => [name, item.optionalString(name)] as const)
  return {
    kid: item.optionalString('kid'),
    algorithm: parseAlgorithm(item.string('alg')),
    jwk: Object.fromEntries(
      members.filter((member): member is [(typeof member)[0], string] => member[1] !== undefined),
    ),
  }
}

function parseAlgorithm(text: string): JwsAlgorithm {
  const algorithm = jwsAlgorithms.find(known => known === text)
  if (algorithm === undefined) throw new MalformedRecord('attribute alg is not known')
  return algorithm
}
