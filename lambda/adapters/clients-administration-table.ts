import { randomUUID } from 'node:crypto'
import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import type { ClientStore, DigestChange } from '../oauth/administration/client-administration.ts'
import type { ClientRecord, Declaration } from '../oauth/administration/client-record.ts'
import type { ClientKey } from '../oauth/client-keys.ts'
import { formatScope } from '../oauth/scope.ts'
import { MalformedRecord, Unavailable } from '../oauth/unavailable.ts'
import { deadline } from './aws-clients.ts'
import { parseAuthMethod, parseGrant, parseKeySource, parseStatus } from './clients-table.ts'
import { Item } from './item.ts'
import type { Records } from './records.ts'
import { call, conditionFailed } from './store-call.ts'

/** What an update that does not have it takes away. */
const optionalAttributes = [
  'access_token_lifetime',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'resource_server',
  'declaration',
]

/** Every attribute but `secret_digests`, which this function's role may write and not read. */
const readable = [
  'client_id',
  'client_name',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'resource_server',
  'grants',
  'access_token_lifetime',
  'status',
  'version',
  'created_at',
  'updated_at',
  'tokens_revoked_up_to',
  'secrets',
  'declaration',
] as const

const projection = {
  ProjectionExpression: readable.map(name => `#${name}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(readable.map(name => [`#${name}`, name])),
}

export interface ClientPage {
  readonly clients: readonly ClientRecord[]
  /** The client after which the next page starts; undefined = this was the last. */
  readonly next: string | undefined
}

/**
 * The `Clients` table as administration reads and changes it: whole members by conditional single-item writes. A write
 * names itself (`write_id`), so that one whose answer was lost and which the SDK repeats is recognised as done.
 */
export class ClientsAdministrationTable implements ClientStore {
  readonly #client: DynamoDBClient
  readonly #tableName: string
  readonly #records: Records

  constructor(client: DynamoDBClient, tableName: string, records: Records) {
    this.#client = client
    this.#tableName = tableName
    this.#records = records
  }

  find = async (clientId: string): Promise<ClientRecord | undefined> => {
    const Key = { client_id: { S: clientId } }
    const get = new GetItemCommand({ TableName: this.#tableName, Key, ConsistentRead: true, ...projection })
    const { Item: attributes } = await call('store', () => this.#client.send(get, deadline()), this.#records)
    if (attributes === undefined) return undefined
    try {
      return parseRecord(attributes)
    } catch (error) {
      this.#report(attributes, error)
      throw error
    }
  }

  /** Reads a page; deleted clients are left out, so that it may be shorter than the limit. @throws Unavailable */
  async list(limit: number, after: string | undefined): Promise<ClientPage> {
    const scan = new ScanCommand({
      TableName: this.#tableName,
      ConsistentRead: true,
      Limit: limit,
      FilterExpression: '#status <> :deleted',
      ExpressionAttributeValues: { ':deleted': { S: 'deleted' } },
      Select: 'SPECIFIC_ATTRIBUTES',
      ...(after === undefined ? {} : { ExclusiveStartKey: { client_id: { S: after } } }),
      ...projection,
    })
    const page = await call('store', () => this.#client.send(scan, deadline()), this.#records)
    const clients = (page.Items ?? []).flatMap(attributes => this.#parseOrReport(attributes))
    return { clients, next: page.LastEvaluatedKey?.client_id?.S }
  }

  /** Every client but deleted ones, page after page. @throws Unavailable */
  async *everyClient(): AsyncGenerator<ClientRecord> {
    let next: string | undefined
    do {
      const page = await this.list(100, next)
      yield* page.clients
      next = page.next
    } while (next !== undefined)
  }

  #parseOrReport(attributes: Record<string, AttributeValue>): ClientRecord[] {
    try {
      return [parseRecord(attributes)]
    } catch (error) {
      this.#report(attributes, error)
      return []
    }
  }

  #report(attributes: Record<string, AttributeValue>, error: unknown): void {
    if (!(error instanceof MalformedRecord)) throw error
    this.#records.malformedRecord('Clients', attributes.client_id?.S ?? '?', error.message)
  }

  create: ClientStore['create'] = async (client, { add }) => {
    const writeId = randomUUID()
    const put = new PutItemCommand({
      TableName: this.#tableName,
      Item: {
        client_id: { S: client.clientId },
        write_id: { S: writeId },
        ...attributesOf(client),
        secret_digests: { M: add === undefined ? {} : { [add.secretId]: { B: add.digest } } },
      },
      ConditionExpression: 'attribute_not_exists(client_id) OR write_id = :write_id',
      ExpressionAttributeValues: { ':write_id': { S: writeId } },
    })
    await call('store', () => this.#client.send(put, deadline()), this.#records)
  }

  replace: ClientStore['replace'] = async (client, previousVersion, digests) => {
    const update = new UpdateItemCommand({
      TableName: this.#tableName,
      Key: { client_id: { S: client.clientId } },
      ...updateExpression(client, previousVersion, digests, randomUUID()),
    })
    try {
      await call('store', () => this.#client.send(update, deadline()), this.#records, conditionFailed)
      return true
    } catch (error) {
      if (error instanceof Unavailable) throw error
      return false
    }
  }
}

function updateExpression(
  client: ClientRecord,
  previousVersion: number,
  digests: DigestChange,
  writeId: string,
) {
  const attributes: Record<string, AttributeValue> = { ...attributesOf(client), write_id: { S: writeId } }
  const names: Record<string, string> = {}
  const values: Record<string, AttributeValue> = { ':previous': { N: String(previousVersion) } }
  const sets: string[] = []
  for (const [name, value] of Object.entries(attributes)) {
    names[`#${name}`] = name
    values[`:${name}`] = value
    sets.push(`#${name} = :${name}`)
  }
  if (digests.add !== undefined) {
    names['#added'] = digests.add.secretId
    values[':digest'] = { B: digests.add.digest }
    sets.push('secret_digests.#added = :digest')
  }
  const removes = optionalAttributes.filter(name => attributes[name] === undefined)
  for (const [index, secretId] of (digests.remove ?? []).entries()) {
    names[`#removed${index}`] = secretId
    removes.push(`secret_digests.#removed${index}`)
  }
  return {
    UpdateExpression: `SET ${sets.join(', ')}${removes.length === 0 ? '' : ` REMOVE ${removes.join(', ')}`}`,
    ConditionExpression: '#version = :previous OR #write_id = :write_id',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  }
}

function attributesOf(client: ClientRecord): Record<string, AttributeValue> {
  const lifetime = client.accessTokenLifetimeSeconds
  const { jwks, jwksUri, tokenEndpointAuthSigningAlg: algorithm, resourceServer, declaration } = client
  return {
    client_name: { S: client.clientName },
    token_endpoint_auth_method: { S: client.tokenEndpointAuthMethod },
    grants: {
      L: client.grants.map(({ resource, scope }) => ({
        M: { resource: { S: resource }, scope: { S: formatScope(scope) } },
      })),
    },
    ...(jwks && { jwks: { L: jwks.map(keyAttributes) } }),
    ...(jwksUri !== undefined && { jwks_uri: { S: jwksUri } }),
    ...(algorithm !== undefined && { token_endpoint_auth_signing_alg: { S: algorithm } }),
    ...(resourceServer !== undefined && { resource_server: { S: resourceServer } }),
    ...(lifetime === undefined ? {} : { access_token_lifetime: { N: String(lifetime) } }),
    ...(declaration && { declaration: declarationAttribute(declaration) }),
    status: { S: client.status },
    version: { N: String(client.version) },
    created_at: { N: String(client.createdAt) },
    updated_at: { N: String(client.updatedAt) },
    tokens_revoked_up_to: { N: String(client.tokensRevokedUpTo) },
    secrets: {
      L: client.secrets.map(({ secretId, createdAt, expiresAt }) => ({
        M: {
          secret_id: { S: secretId },
          created_at: { N: String(createdAt) },
          ...(expiresAt === undefined ? {} : { expires_at: { N: String(expiresAt) } }),
        },
      })),
    },
  }
}

function declarationAttribute({ secret }: Declaration): AttributeValue {
  if (secret === undefined) return { M: {} }
  return {
    M: { secret_arn: { S: secret.arn }, secret_overlap_seconds: { N: String(secret.overlapSeconds) } },
  }
}

function parseDeclaration(item: Item): Declaration {
  const arn = item.optionalString('secret_arn')
  return {
    secret: arn === undefined ? undefined : { arn, overlapSeconds: item.number('secret_overlap_seconds') },
  }
}

function keyAttributes({ kid, algorithm, jwk }: ClientKey): AttributeValue {
  const members = Object.entries({ ...jwk, alg: algorithm, ...(kid !== undefined && { kid }) })
  return { M: Object.fromEntries(members.map(([name, value]) => [name, { S: value }])) }
}

function parseRecord(attributes: Record<string, AttributeValue>): ClientRecord {
  const item = new Item(attributes)
  const status = item.string('status')
  return {
    clientId: item.string('client_id'),
    clientName: item.string('client_name'),
    tokenEndpointAuthMethod: parseAuthMethod(item.string('token_endpoint_auth_method')),
    grants: item.items('grants').map(parseGrant),
    ...parseKeySource(item),
    resourceServer: item.optionalString('resource_server'),
    accessTokenLifetimeSeconds: item.optionalNumber('access_token_lifetime'),
    status: status === 'deleted' ? status : parseStatus(status),
    version: item.number('version'),
    createdAt: item.number('created_at'),
    updatedAt: item.number('updated_at'),
    tokensRevokedUpTo: item.optionalNumber('tokens_revoked_up_to') ?? 0,
    secrets: item.items('secrets').map(secret => ({
      secretId: secret.string('secret_id'),
      createdAt: secret.number('created_at'),
      expiresAt: secret.optionalNumber('expires_at'),
    })),
    declaration: item.has('declaration') ? parseDeclaration(item.item('declaration')) : undefined,
  }
}
