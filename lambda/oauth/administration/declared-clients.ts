import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { epochSeconds } from '../clock.ts'
import { type Revocation, revokeClientTokens } from '../revocation.ts'
import { nextRevocationMoment } from '../revocation-moment.ts'
import { formatScope } from '../scope.ts'
import { MalformedRecord, Unavailable } from '../unavailable.ts'
import { AdministrationError } from './administration-error.ts'
import { changeClient } from './change-client.ts'
import { earlier, hasSecrets } from './client-administration.ts'
import type { ClientMetadata } from './client-metadata.ts'
import type { ClientRecord, Declaration, DeclaredSecret } from './client-record.ts'
import {
  expireOtherSecrets,
  type IssuePorts,
  makeSecretCurrent,
  storeSecret,
  takeSecret,
} from './issue-declared-secret.ts'
import { checkRegistered, type ResourceServerStore } from './resource-server-administration.ts'
import { type ClientCredentials, parseCredentials } from './secret-vault.ts'

/** A client as a CDK app declares it. */
export interface DeclaredClient {
  readonly metadata: ClientMetadata
  readonly declaration: Declaration
  /** What the stored secret says of where tokens are had. */
  readonly tokenEndpoint: string
}

export interface DeclaredClientPorts extends IssuePorts {
  readonly resourceServers: Pick<ResourceServerStore, 'readAll'>
  readonly writeRevocation: (revocation: Revocation) => Promise<void>
}

/** The identifier of a client by its place in the deployment: another stack never has the same. */
export function declaredClientId(stackId: string, logicalId: string): string {
  return digest(`${stackId}/${logicalId}`).slice(0, 32)
}

/** The clients that CDK apps declare. Repeating a request is safe, whatever became of the earlier one. */
export class DeclaredClients {
  readonly #ports: DeclaredClientPorts

  constructor(ports: DeclaredClientPorts) {
    this.#ports = ports
  }

  /**
   * Registers the client, or brings it in line with its declaration; one that was withdrawn is active again, one that
   * was disabled by an administrator stays so.
   *
   * @param requestId of the deployment's request: the same when it is repeated
   * @throws AdministrationError when a grant is not registered, or the client was deleted by administration
   */
  async declare(clientId: string, declared: DeclaredClient, requestId: string): Promise<void> {
    await checkRegistered(declared.metadata, this.#ports.resourceServers)
    const found = (await this.#ports.clients.find(clientId)) ?? (await this.#create(clientId, declared))
    if (found.status === 'deleted') {
      const detail = `client ${clientId} was deleted by administration, and its identifier is not used again: declare it under another id`
      throw new AdministrationError('conflict', detail)
    }
    // Tokens from before a withdrawal stay refused, also when the second write of that had failed.
    if (found.declaration === undefined && found.tokensRevokedUpTo > 0)
      await this.#ports.writeRevocation(revokeClientTokens(clientId, found.tokensRevokedUpTo))
    const client = await this.#update(clientId, declared)
    const { secret } = declared.declaration
    if (secret !== undefined) await this.#keepSecret(client, secret, declared.tokenEndpoint, requestId)
  }

  /**
   * Ends the access of a client that is declared no longer: no secret, no new tokens, the older ones refused. Its record
   * stays, disabled, for administration.
   */
  async withdraw(clientId: string): Promise<void> {
    const found = await this.#ports.clients.find(clientId)
    if (found === undefined || found.status === 'deleted') return
    const client = await changeClient(
      this.#ports,
      clientId,
      current =>
        current.declaration === undefined
          ? {}
          : {
              status: 'disabled',
              secrets: [],
              declaration: undefined,
              tokensRevokedUpTo: nextRevocationMoment(this.#ports.clock.now(), current.tokensRevokedUpTo),
            },
      current => ({ remove: current.secrets.map(secret => secret.secretId) }),
    )
    await this.#ports.writeRevocation(revokeClientTokens(clientId, client.tokensRevokedUpTo))
  }

  /** Without a secret at first: what is cut off here leaves nothing that anybody could use. */
  async #create(clientId: string, { metadata, declaration }: DeclaredClient): Promise<ClientRecord> {
    const now = epochSeconds(this.#ports.clock)
    const client: ClientRecord = {
      ...metadata,
      clientId,
      status: 'active',
      version: 1,
      createdAt: now,
      updatedAt: now,
      tokensRevokedUpTo: 0,
      secrets: [],
      declaration,
    }
    try {
      await this.#ports.clients.create(client, {})
      return client
    } catch (error) {
      // The same request, delivered twice, may have been first.
      const first = error instanceof Unavailable ? await this.#ports.clients.find(clientId) : undefined
      if (first === undefined) throw error
      return first
    }
  }

  #update(clientId: string, { metadata, declaration }: DeclaredClient): Promise<ClientRecord> {
    const end = epochSeconds(this.#ports.clock) + rollbackSeconds
    return changeClient(this.#ports, clientId, client => {
      const secrets = hasSecrets(metadata)
        ? client.secrets
        : client.secrets.map(each => ({ ...each, expiresAt: earlier(each.expiresAt, end) }))
      const status = client.declaration === undefined ? 'active' : client.status
      const changes = { ...metadata, declaration, secrets, status }
      return isDeepStrictEqual({ ...client, ...changes }, client) ? {} : changes
    })
  }

  async #keepSecret(
    client: ClientRecord,
    { arn, overlapSeconds }: DeclaredSecret,
    tokenEndpoint: string,
    requestId: string,
  ): Promise<void> {
    const { clientId } = client
    const members = { ...membersOf(client), token_endpoint: tokenEndpoint }
    const stored = await this.#ports.vault.current(arn)
    const current = stored && readable(stored.value)
    const isKept = client.secrets.some(
      each => each.secretId === current?.secret_id && each.expiresAt === undefined,
    )
    const kept = isKept ? current : undefined
    const versionId = digest(`${requestId}/${kept?.secret_id ?? 'new'}`)
    const isCurrent = kept !== undefined && hasMembers(kept, members)
    const secret = isCurrent ? kept : await storeSecret(this.#ports, arn, versionId, members, kept)
    if (!isCurrent) {
      await takeSecret(this.#ports, secret, current?.secret_id)
      await makeSecretCurrent(this.#ports, arn, versionId)
    }
    await expireOtherSecrets(this.#ports, clientId, secret.secret_id, overlapSeconds)
  }
}

/** How long the secrets of a client that has keys from now on are kept, for a deployment that is rolled back. */
const rollbackSeconds = 86_400

/** A client of one resource server need not say which, nor with which scope, in its token requests. */
function membersOf({ clientId, grants: [grant, ...others] }: ClientRecord) {
  const only = others.length === 0 ? grant : undefined
  return { client_id: clientId, ...(only && { resource: only.resource, scope: formatScope(only.scope) }) }
}

/** Whether what is stored says the same, and no more. */
function hasMembers({ client_secret, secret_id, ...stored }: ClientCredentials, members: object): boolean {
  return isDeepStrictEqual(stored, members)
}

/** What somebody has written there by hand is replaced. */
function readable(value: string): ClientCredentials | undefined {
  try {
    return parseCredentials(value)
  } catch (error) {
    if (error instanceof MalformedRecord) return undefined
    throw error
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
