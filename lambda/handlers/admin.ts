import { randomBytes } from 'node:crypto'
import { administrationEndpoint } from '../adapters/administration-endpoint.ts'
import { administrationOperations } from '../adapters/administration-operations.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsAdministrationTable } from '../adapters/clients-administration-table.ts'
import { configuredRevocations } from '../adapters/configured-stores.ts'
import { configuredVerification } from '../adapters/configured-verification.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { SingleUseTable } from '../adapters/single-use-table.ts'
import { ClientAdministration } from '../oauth/administration/client-administration.ts'
import { epochSeconds } from '../oauth/clock.ts'
import type { Revocation } from '../oauth/revocation.ts'
import { verifyAccessToken } from '../oauth/verify-access-token.ts'

const { clock, records } = functionContext()
const dynamoDb = dynamoDbClient()
const clients = new ClientsAdministrationTable(dynamoDb, setting('CLIENTS_TABLE'), records)
const revocations = configuredRevocations(dynamoDb, records)
const singleUse = new SingleUseTable(dynamoDb, setting('SINGLE_USE_TABLE'), records)
const { verification } = configuredVerification(dynamoDb, records, clock, undefined)

const writeRevocation = (revocation: Revocation) => revocations.write(revocation, clock.now())

export const handler = administrationEndpoint(
  administrationOperations({
    administration: new ClientAdministration({ clients, writeRevocation, randomBytes, clock }),
    listClients: (limit, after) => clients.list(limit, after),
    lastUsed: ids => singleUse.lastUsed(ids),
    verifyToken: token => verifyAccessToken(token, verification, epochSeconds(clock)),
    writeRevocation,
  }),
  records,
)
