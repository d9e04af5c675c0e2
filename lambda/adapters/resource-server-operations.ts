import { AdministrationError } from '../oauth/administration/administration-error.ts'
import type { ResourceServerAdministration } from '../oauth/administration/resource-server-administration.ts'
import {
  parseResourceServer,
  parseResourceServerUpdate,
} from '../oauth/administration/resource-server-metadata.ts'
import {
  parseResourceServerId,
  resourceServerDocument,
  resourceServerId,
} from '../oauth/administration/resource-server-record.ts'
import type { AdministrationFacts, AdministrationRequest, Operation } from './administration-endpoint.ts'
import { parseLimit } from './page-limit.ts'
import type { ResourceServerPage } from './resource-servers-table.ts'

export interface ResourceServerOperationPorts {
  readonly administration: ResourceServerAdministration
  readonly list: (limit: number, after: string | undefined) => Promise<ResourceServerPage>
}

/** The admin API's operations on resource servers, by route key. */
export function resourceServerOperations({
  administration,
  list,
}: ResourceServerOperationPorts): Readonly<Record<string, Operation>> {
  return {
    'POST /admin/resource-servers': {
      audit: 'resource-server.create',
      status: 201,
      run: async ({ body }, facts) => {
        const record = await administration.create(parseResourceServer(body))
        facts.audience = record.audience
        return resourceServerDocument(record)
      },
    },
    'GET /admin/resource-servers': {
      audit: 'resource-server.list',
      status: 200,
      run: async ({ query }) => {
        const page = await list(parseLimit(query.limit), parseNextToken(query.next_token))
        return {
          resource_servers: page.resourceServers.map(resourceServerDocument),
          next_token: page.next === undefined ? undefined : resourceServerId(page.next),
        }
      },
    },
    'GET /admin/resource-servers/{resource_server_id}': {
      audit: 'resource-server.show',
      status: 200,
      run: async (request, facts) => {
        const record = await administration.show(audienceOf(request))
        facts.audience = record.audience
        return resourceServerDocument(record)
      },
    },
    'PUT /admin/resource-servers/{resource_server_id}': {
      audit: 'resource-server.update',
      status: 200,
      run: async (request, facts) => {
        const audience = audienceOf(request)
        const change = parseResourceServerUpdate(request.body, audience)
        const record = await administration.update(audience, change)
        facts.audience = record.audience
        return resourceServerDocument(record)
      },
    },
    'DELETE /admin/resource-servers/{resource_server_id}': {
      audit: 'resource-server.delete',
      status: 204,
      run: async (request, facts: AdministrationFacts) => {
        const audience = audienceOf(request)
        await administration.delete(audience)
        facts.audience = audience
        return undefined
      },
    },
  }
}

function audienceOf({ parameters }: AdministrationRequest): string {
  const audience = parseResourceServerId(parameters.resource_server_id ?? '')
  if (audience !== undefined) return audience
  throw new AdministrationError('not_found', 'there is no such resource server')
}

function parseNextToken(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const audience = parseResourceServerId(text)
  if (audience !== undefined) return audience
  throw new AdministrationError('invalid_request', 'next_token must be the one that the previous page gave')
}
