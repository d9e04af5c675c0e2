import { randomBytes } from 'node:crypto'
import { dynamoDbClient, kmsClient } from '../adapters/aws-clients.ts'
import { configuredClientAuthentication } from '../adapters/configured-client-authentication.ts'
import { configuredKeysTable } from '../adapters/configured-stores.ts'
import { numberSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { kmsSigner } from '../adapters/kms-signer.ts'
import { oauthEndpoint } from '../adapters/oauth-endpoint.ts'
import { ResourceServersTable } from '../adapters/resource-servers-table.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { issueToken } from '../oauth/issue-token.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { ResourceServerDirectory } from '../oauth/resource-server.ts'
import { currentSigningKey, type SigningKey } from '../oauth/signing-key.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'

const { clock, records } = functionContext()
const dynamoDb = dynamoDbClient()
const keysTable = configuredKeysTable(dynamoDb, records)
const resourceServersTable = new ResourceServersTable(dynamoDb, setting('RESOURCE_SERVERS_TABLE'), records)
const resourceServers = new ResourceServerDirectory(audience => resourceServersTable.find(audience), clock)
const ring = new SigningKeyRing(readRing, clock)

/** Each reading of the ring publishes how long the signing key has been in use. */
async function readRing(): Promise<readonly SigningKey[]> {
  const keys = await keysTable.read()
  const now = epochSeconds(clock)
  const current = currentSigningKey(keys, now)
  if (current !== undefined) records.signingKeyAge((now - current.signFrom) / 86_400)
  return keys
}

const endpoint = {
  ...configuredClientAuthentication(dynamoDb, records, clock),
  accessTokenLifetimeSeconds: numberSetting('ACCESS_TOKEN_LIFETIME_SECONDS'),
  findResourceServer: resourceServers.find,
  findSigningKey: (nowSeconds: number) => ring.current(nowSeconds),
  sign: kmsSigner(kmsClient(), records),
  newTokenId: () => randomBytes(16).toString('base64url'),
}

// Init reads the ring, opens the connections and proves the key; a failure here is the first request's to find.
await endpoint
  .findSigningKey(epochSeconds(clock))
  .then(key => endpoint.sign('init', key))
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
      return { response: await issueToken(request, endpoint, nowSeconds, facts), reason: 'ok' }
    },
  },
  records,
  clock,
)
