import { AdministrationError } from '../oauth/administration/administration-error.ts'
import type { ClientAdministration } from '../oauth/administration/client-administration.ts'
import { clientDocument } from '../oauth/administration/client-document.ts'
import { parseRegistration, parseUpdate } from '../oauth/administration/client-metadata.ts'
import type { ClientRecord } from '../oauth/administration/client-record.ts'
import { isClientId } from '../oauth/client.ts'
import { looksLikeSecret } from '../oauth/client-secret.ts'
import type { Revocation } from '../oauth/revocation.ts'
import { revokeAllTokens, revokeToken } from '../oauth/revocation.ts'
import { nextRevocationMoment } from '../oauth/revocation-moment.ts'
import type { TokenRefusal, VerifiedToken } from '../oauth/verify-access-token.ts'
import type { AdministrationFacts, AdministrationRequest, Operation } from './administration-endpoint.ts'
import type { ClientPage } from './clients-administration-table.ts'
import { parseLimit } from './page-limit.ts'
import { secretUseId } from './single-use-table.ts'

export interface OperationPorts {
  readonly administration: ClientAdministration
  readonly listClients: (limit: number, after: string | undefined) => Promise<ClientPage>
  readonly lastUsed: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>
  readonly verifyToken: (token: string) => Promise<VerifiedToken | TokenRefusal>
  readonly writeRevocation: (revocation: Revocation) => Promise<void>
  /** Epoch milliseconds. */
  readonly now: () => number
  /** An origin that a `jwks_uri` may have whatever it is: the local run's only. */
  readonly jwksUriAllow: string | undefined
}

/** How long an old secret works beside a new one, in seconds: a day unless said otherwise, thirty at most. */
const defaultOverlapSeconds = 86_400
const maxOverlapSeconds = 30 * 86_400

/** The admin API's operations, by route key. */
export function administrationOperations(ports: OperationPorts): Readonly<Record<string, Operation>> {
  const { administration } = ports

  const documents = async (clients: readonly ClientRecord[]) => {
    const ids = clients.flatMap(client =>
      client.secrets.map(({ secretId }) => secretUseId(client.clientId, secretId)),
    )
    const days = await ports.lastUsed(ids)
    return clients.map(client =>
      clientDocument(client, (clientId, secretId) => days.get(secretUseId(clientId, secretId))),
    )
  }
  // After a write no read may fail the answer: the days of last use are not in it.
  const written = (client: ClientRecord) => clientDocument(client, () => undefined)

  return {
    'POST /admin/clients': {
      audit: 'client.create',
      status: 201,
      run: async ({ body }, facts) => {
        const metadata = parseRegistration(body, ports.jwksUriAllow)
        const { client, clientSecret } = await administration.create(metadata)
        facts.clientId = client.clientId
        return { ...written(client), ...(clientSecret !== undefined && secretMembers(clientSecret)) }
      },
    },
    'GET /admin/clients': {
      audit: 'client.list',
      status: 200,
      run: async ({ query }) => {
        const page = await ports.listClients(parseLimit(query.limit), parseNextToken(query.next_token))
        return { clients: await documents(page.clients), next_token: page.next }
      },
    },
    'GET /admin/clients/{client_id}': {
      audit: 'client.show',
      status: 200,
      run: async (request, facts) =>
        (await documents([await administration.show(clientIdOf(request, facts))]))[0],
    },
    'PUT /admin/clients/{client_id}': {
      audit: 'client.update',
      status: 200,
      run: async (request, facts) => {
        const clientId = clientIdOf(request, facts)
        return written(
          await administration.update(clientId, parseUpdate(request.body, clientId, ports.jwksUriAllow)),
        )
      },
    },
    'DELETE /admin/clients/{client_id}': {
      audit: 'client.delete',
      status: 204,
      run: async (request, facts) => {
        await administration.delete(clientIdOf(request, facts))
        return undefined
      },
    },
    'POST /admin/clients/{client_id}/disable': {
      audit: 'client.disable',
      status: 200,
      run: async (request, facts) => written(await administration.disable(clientIdOf(request, facts))),
    },
    'POST /admin/clients/{client_id}/enable': {
      audit: 'client.enable',
      status: 200,
      run: async (request, facts) => written(await administration.enable(clientIdOf(request, facts))),
    },
    'POST /admin/clients/{client_id}/revoke-tokens': {
      audit: 'client.revoke-tokens',
      status: 200,
      run: async (request, facts) => {
        const clientId = clientIdOf(request, facts)
        return { client_id: clientId, revoked_up_to: await administration.revokeTokens(clientId) }
      },
    },
    'POST /admin/clients/{client_id}/secrets': {
      audit: 'secret.add',
      status: 201,
      run: async (request, facts) => {
        const issued = await administration.addSecret(clientIdOf(request, facts), parseOverlap(request.body))
        facts.subject = issued.secretId
        const { client_id, secrets } = written(issued.client)
        return { client_id, secret_id: issued.secretId, ...secretMembers(issued.clientSecret), secrets }
      },
    },
    'DELETE /admin/clients/{client_id}/secrets/{secret_id}': {
      audit: 'secret.remove',
      status: 204,
      run: async (request, facts) => {
        const secretId = request.parameters.secret_id ?? ''
        await administration.removeSecret(clientIdOf(request, facts), secretId)
        facts.subject = secretId
        return undefined
      },
    },
    'POST /admin/revoke-all': {
      audit: 'token.revoke-all',
      status: 200,
      run: async ({ body }) => {
        if (Object.keys(membersOf(body)).length > 0)
          throw new AdministrationError(
            'invalid_request',
            'the body must be empty, or an object without members',
          )
        const revokedUpTo = nextRevocationMoment(ports.now(), 0)
        await ports.writeRevocation(revokeAllTokens(revokedUpTo))
        return { revoked_up_to: revokedUpTo }
      },
    },
    'POST /admin/tokens/revoke': {
      audit: 'token.revoke',
      status: 200,
      run: async ({ body }, facts) => {
        const token = await ports.verifyToken(parseToken(body))
        if (typeof token === 'string') throw new AdministrationError('invalid_token')
        Object.assign(facts, { clientId: token.clientId, audience: token.claims.aud, jti: token.jti })
        await ports.writeRevocation(revokeToken(token.jti, token.claims.exp))
        return { jti: token.jti, client_id: token.clientId, exp: token.claims.exp }
      },
    },
  }
}

/** RFC 7591 §3.2.1: the secret, this once, and when it expires (0 = never). */
function secretMembers(clientSecret: string) {
  return { client_secret: clientSecret, client_secret_expires_at: 0 }
}

/** The identifier is noted only when it has the form of one: what is in a path may be anything, a secret too. */
function clientIdOf({ parameters }: AdministrationRequest, facts: AdministrationFacts): string {
  const clientId = parameters.client_id ?? ''
  if (!isClientId(clientId) || looksLikeSecret(clientId))
    throw new AdministrationError('not_found', 'there is no such client')
  facts.clientId = clientId
  return clientId
}

function parseNextToken(text: string | undefined): string | undefined {
  if (text === undefined || isClientId(text)) return text
  throw new AdministrationError('invalid_request', 'next_token must be the one that the previous page gave')
}

function parseOverlap(body: unknown): number {
  const { overlap_seconds: overlap = defaultOverlapSeconds, ...others } = membersOf(body)
  const known = Object.keys(others).length === 0
  if (
    known &&
    Number.isInteger(overlap) &&
    (overlap as number) >= 0 &&
    (overlap as number) <= maxOverlapSeconds
  ) {
    return overlap as number
  }
  const rule = `the body may have overlap_seconds, whole seconds from 0 to ${maxOverlapSeconds}, and nothing else`
  throw new AdministrationError('invalid_request', rule)
}

/** The members of an object; of anything else a member that nobody knows, so that it is refused. */
function membersOf(body: unknown): Record<string, unknown> {
  if (body === undefined) return {}
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  return isObject ? (body as Record<string, unknown>) : { body }
}

function parseToken(body: unknown): string {
  const { token, ...others } = membersOf(body)
  if (typeof token === 'string' && Object.keys(others).length === 0) return token
  throw new AdministrationError('invalid_request', 'the body must be an object of exactly token')
}
