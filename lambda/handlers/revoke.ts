import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { configuredClientAuthentication } from '../adapters/configured-client-authentication.ts'
import { configuredRevocations } from '../adapters/configured-stores.ts'
import { configuredVerification } from '../adapters/configured-verification.ts'
import { functionContext } from '../adapters/function-context.ts'
import { oauthEndpoint } from '../adapters/oauth-endpoint.ts'
import { metricNames } from '../oauth/metric-names.ts'
import type { Revocation } from '../oauth/revocation.ts'
import { revokeOwnToken } from '../oauth/revoke-token.ts'

const context = functionContext()
const { clock, records, watch } = context
const dynamoDb = dynamoDbClient(watch)
const revocations = configuredRevocations(dynamoDb, records)
const { ring, verification } = configuredVerification(dynamoDb, records, clock)

const endpoint = {
  ...configuredClientAuthentication(dynamoDb, records, clock),
  ...verification,
  writeRevocation: (revocation: Revocation) => revocations.write(revocation, clock.now()),
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
  context,
)
