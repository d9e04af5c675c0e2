import { randomBytes } from 'node:crypto'
import { administrationEndpoint } from '../adapters/administration-endpoint.ts'
import { administrationOperations } from '../adapters/administration-operations.ts'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { ClientsAdministrationTable } from '../adapters/clients-administration-table.ts'
import { numberSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { RevocationsTable } from '../adapters/revocations-table.ts'
import { signatureVerifier } from '../adapters/signature-verifier.ts'
import { SigningKeysTable } from '../adapters/signing-keys-table.ts'
import { SingleUseTable } from '../adapters/single-use-table.ts'
import { ClientAdministration } from '../oauth/administration/client-administration.ts'
import { epochSeconds } from '../oauth/clock.ts'
import type { Revocation } from '../oauth/revocation.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { verifyAccessToken } from '../oauth/verify-access-token.ts'

const { clock, records } = functionContext()
const dynamoDb = dynamoDbClient()
const issuer = setting('ISSUER')
const clients = new ClientsAdministrationTable(dynamoDb, setting('CLIENTS_TABLE'), records)
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

const writeRevocation = (revocation: Revocation) => revocations.write(revocation, clock.now())
const verification = {
  issuer,
  audience: undefined,
  findKey: (kid: string) => ring.findOrRead(kid),
  verifySignature: signatureVerifier(issuer, undefined),
}

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
