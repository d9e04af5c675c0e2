import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { configuredClientAuthentication } from '../adapters/configured-client-authentication.ts'
import { configuredRevocations } from '../adapters/configured-stores.ts'
import { configuredVerification } from '../adapters/configured-verification.ts'
import { functionContext } from '../adapters/function-context.ts'
import { oauthEndpoint } from '../adapters/oauth-endpoint.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { introspectToken } from '../oauth/introspect-token.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { type RevocableToken, revokes, subjectsOf } from '../oauth/revocation.ts'

const context = functionContext()
const { clock, records, watch } = context
const dynamoDb = dynamoDbClient(watch)
const revocations = configuredRevocations(dynamoDb, records)
const { ring, verification } = configuredVerification(dynamoDb, records, clock)

const endpoint = {
  ...configuredClientAuthentication(dynamoDb, records, clock),
  ...verification,
  isRevoked: async (token: RevocableToken) => {
    const found = await revocations.lookUp(subjectsOf(token))
    return found.some(revocation => revokes(revocation, token, epochSeconds(clock)))
  },
}

await ring.refresh().catch(() => {})

export const handler = oauthEndpoint(
  {
    audit: 'token.introspect',
    metrics: {
      allowed: metricNames.introspectionsAnswered,
      refused: metricNames.introspectionsRefused,
      failed: metricNames.introspectionsFailed,
    },
    decide: (request, nowSeconds, facts) => introspectToken(request, endpoint, nowSeconds, facts),
  },
  context,
)
