import { randomBytes } from 'node:crypto'
import { dynamoDbClient, kmsClient } from '../adapters/aws-clients.ts'
import { ClientsTable } from '../adapters/clients-table.ts'
import { configuredKeysTable } from '../adapters/configured-stores.ts'
import { numberSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { kmsSigner } from '../adapters/kms-signer.ts'
import { oauthEndpoint } from '../adapters/oauth-endpoint.ts'
import { SingleUseTable } from '../adapters/single-use-table.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { issueToken } from '../oauth/issue-token.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { currentSigningKey, type SigningKey } from '../oauth/signing-key.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'

const { clock, records } = functionContext()
const dynamoDb = dynamoDbClient()
const clients = new ClientsTable(dynamoDb, setting('CLIENTS_TABLE'), records)
const keysTable = configuredKeysTable(dynamoDb, records)
const singleUse = new SingleUseTable(dynamoDb, setting('SINGLE_USE_TABLE'), records)
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
  issuer: setting('ISSUER'),
  accessTokenLifetimeSeconds: numberSetting('ACCESS_TOKEN_LIFETIME_SECONDS'),
  findClient: (clientId: string) => clients.find(clientId),
  findSigningKey: (nowSeconds: number) => ring.current(nowSeconds),
  sign: kmsSigner(kmsClient(), records),
  recordSecretUse: singleUse.recordSecretUse.bind(singleUse),
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
