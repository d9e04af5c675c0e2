import { randomBytes } from 'node:crypto'
import { administrationEndpoint } from '../adapters/administration-endpoint.ts'
import { administrationOperations } from '../adapters/administration-operations.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsAdministrationTable } from '../adapters/clients-administration-table.ts'
import { configuredRevocations } from '../adapters/configured-stores.ts'
import { configuredVerification } from '../adapters/configured-verification.ts'
import { optionalSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { resourceServerOperations } from '../adapters/resource-server-operations.ts'
import { ResourceServersTable } from '../adapters/resource-servers-table.ts'
import { SingleUseTable } from '../adapters/single-use-table.ts'
import { ClientAdministration } from '../oauth/administration/client-administration.ts'
import { ResourceServerAdministration } from '../oauth/administration/resource-server-administration.ts'
import { epochSeconds } from '../oauth/clock.ts'
import type { Revocation } from '../oauth/revocation.ts'
import { verifyAccessToken } from '../oauth/verify-access-token.ts'

const { clock, records, watch } = functionContext()
const dynamoDb = dynamoDbClient(watch)
const clients = new ClientsAdministrationTable(dynamoDb, setting('CLIENTS_TABLE'), records)
const revocations = configuredRevocations(dynamoDb, records)
const resourceServers = new ResourceServersTable(dynamoDb, setting('RESOURCE_SERVERS_TABLE'), records)
const singleUse = new SingleUseTable(dynamoDb, setting('SINGLE_USE_TABLE'), records)
const { verification } = configuredVerification(dynamoDb, records, clock)

const writeRevocation = (revocation: Revocation) => revocations.write(revocation, clock.now())

const clientOperations = administrationOperations({
  administration: new ClientAdministration({
    clients,
    resourceServers,
    writeRevocation,
    randomBytes,
    clock,
  }),
  listClients: (limit, after) => clients.list(limit, after),
  lastUsed: ids => singleUse.lastUsed(ids),
  verifyToken: token => verifyAccessToken(token, verification, epochSeconds(clock)),
  writeRevocation,
  now: () => clock.now(),
  jwksUriAllow: optionalSetting('COUNTERSIGN_JWKS_URI_ALLOW'),
})

export const handler = administrationEndpoint(
  {
    ...clientOperations,
    ...resourceServerOperations({
      administration: new ResourceServerAdministration({
        store: resourceServers,
        everyClient: () => clients.everyClient(),
        clock,
      }),
      list: (limit, after) => resourceServers.list(limit, after),
    }),
  },
  records,
)
