import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsTable } from '../adapters/clients-table.ts'
import { configuredRevocations } from '../adapters/configured-stores.ts'
import { configuredVerification } from '../adapters/configured-verification.ts'
import { setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { oauthEndpoint } from '../adapters/oauth-endpoint.ts'
import { SingleUseTable } from '../adapters/single-use-table.ts'
import { metricNames } from '../oauth/metric-names.ts'
import type { Revocation } from '../oauth/revocation.ts'
import { revokeOwnToken } from '../oauth/revoke-token.ts'

const { clock, records } = functionContext()
const dynamoDb = dynamoDbClient()
const clients = new ClientsTable(dynamoDb, setting('CLIENTS_TABLE'), records)
const revocations = configuredRevocations(dynamoDb, records)
const singleUse = new SingleUseTable(dynamoDb, setting('SINGLE_USE_TABLE'), records)
const { ring, verification } = configuredVerification(dynamoDb, records, clock, undefined)

const endpoint = {
  ...verification,
  findClient: (clientId: string) => clients.find(clientId),
  writeRevocation: (revocation: Revocation) => revocations.write(revocation, clock.now()),
  recordSecretUse: singleUse.recordSecretUse.bind(singleUse),
}

await ring.refresh().catch(() => {})

export const handler = oauthEndpoint(
  {
    audit: 'token.revoke',
    metrics: {
      allowed: metricNames.revocationsAccepted,
      refused: metricNames.revocationsRefused,
      failed: metricNames.revocationsFailed,
    },
    decide: (request, nowSeconds, facts) => revokeOwnToken(request, endpoint, nowSeconds, facts),
  },
  records,
  clock,
)
