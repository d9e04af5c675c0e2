import { randomBytes } from 'node:crypto'
import { dynamoDbClient, kmsClient } from '../adapters/aws-clients.ts'
import { configuredClientAuthentication } from '../adapters/configured-client-authentication.ts'
import { configuredKeysTable } from '../adapters/configured-stores.ts'
import { envelopeSigner } from '../adapters/envelope-signer.ts'
import { numberSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { kmsSigner } from '../adapters/kms-signer.ts'
import { oauthEndpoint } from '../adapters/oauth-endpoint.ts'
import { ResourceServersTable } from '../adapters/resource-servers-table.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { issueToken } from '../oauth/issue-token.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { ResourceServerDirectory } from '../oauth/resource-server.ts'
import { custodyOf, type SigningKey } from '../oauth/signing-key.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { signingRingRefreshSeconds } from '../oauth/signing-key-times.ts'

const context = functionContext()
const { clock, records, watch } = context
const dynamoDb = dynamoDbClient(watch)
const keysTable = configuredKeysTable(dynamoDb, records)
const resourceServersTable = new ResourceServersTable(dynamoDb, setting('RESOURCE_SERVERS_TABLE'), records)
const resourceServers = new ResourceServerDirectory(audience => resourceServersTable.find(audience), clock)
const ring = new SigningKeyRing(() => keysTable.read(), clock, { refreshSeconds: signingRingRefreshSeconds })
const kms = kmsClient()
const signers = {
  kms: kmsSigner(kms, records),
  envelope: envelopeSigner(kms, setting('SIGNING_KEY_RING'), records),
}

const endpoint = {
  ...configuredClientAuthentication(dynamoDb, records, clock),
  accessTokenLifetimeSeconds: numberSetting('ACCESS_TOKEN_LIFETIME_SECONDS'),
  findResourceServer: resourceServers.find,
  findSigningKeys: (nowSeconds: number) => ring.signingKeys(nowSeconds),
  sign: (signingInput: string, key: SigningKey) => signers[custodyOf(key)](signingInput, key),
  newTokenId: () => randomBytes(16).toString('base64url'),
}

// Init reads the ring, opens the connections and proves the key; a failure here is the first request's to find.
await endpoint
  .findSigningKeys(epochSeconds(clock))
  .then(([key]) => key && endpoint.sign('init', key))
  .catch(() => {})

export const handler = oauthEndpoint(
  {
    audit: 'token.issue',
    metrics: {
      allowed: metricNames.tokensIssued,
      refused: metricNames.tokensRefused,
      failed: metricNames.tokensFailed,
    },
    decide: async (request, nowSeconds, facts) => {
      // Goes on beside the client's look-up: one round trip for both.
      ring.refresh().catch(() => {})
      return { response: await issueToken(request, endpoint, nowSeconds, facts), reason: 'ok' }
    },
  },
  context,
)
