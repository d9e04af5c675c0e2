import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsTable } from '../adapters/clients-table.ts'
import { numberSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { oauthEndpoint } from '../adapters/oauth-endpoint.ts'
import { RevocationsTable } from '../adapters/revocations-table.ts'
import { signatureVerifier } from '../adapters/signature-verifier.ts'
import { SigningKeysTable } from '../adapters/signing-keys-table.ts'
import { SingleUseTable } from '../adapters/single-use-table.ts'
import { metricNames } from '../oauth/metric-names.ts'
import type { Revocation } from '../oauth/revocation.ts'
import { revokeOwnToken } from '../oauth/revoke-token.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'

const { clock, records } = functionContext()
const dynamoDb = dynamoDbClient()
const issuer = setting('ISSUER')
const clients = new ClientsTable(dynamoDb, setting('CLIENTS_TABLE'), records)
const keysTable = new SigningKeysTable(
  dynamoDb,
  setting('SIGNING_KEYS_TABLE'),
  setting('SIGNING_KEY_RING'),
  records,
)
const shards = numberSetting('REVOCATION_SHARDS', 1)
const revocations = new RevocationsTable(dynamoDb, setting('REVOCATIONS_TABLE'), shards, records)
const singleUse = new SingleUseTable(dynamoDb, setting('SINGLE_USE_TABLE'), records)
const ring = new SigningKeyRing(() => keysTable.read(), clock)

const endpoint = {
  issuer,
  audience: undefined,
  findClient: (clientId: string) => clients.find(clientId),
  findKey: (kid: string) => ring.findOrRead(kid),
  verifySignature: signatureVerifier(issuer, undefined),
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
