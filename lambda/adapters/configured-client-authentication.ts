import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { ClientAuthenticationPorts } from '../oauth/client-authentication.ts'
import type { Clock } from '../oauth/clock.ts'
import { AuthenticationFailuresTable } from './authentication-failures-table.ts'
import { ClientJwksUris } from './client-jwks-uris.ts'
import { ClientsTable } from './clients-table.ts'
import { numberSetting, optionalSetting, setting } from './environment.ts'
import type { Records } from './records.ts'
import { SingleUseTable } from './single-use-table.ts'

/** Client authentication as the endpoints that clients call have it, from the environment. */
export function configuredClientAuthentication(
  client: DynamoDBClient,
  records: Records,
  clock: Clock,
): ClientAuthenticationPorts {
  const failureLimit = {
    failures: numberSetting('AUTHENTICATION_FAILURE_LIMIT', 1),
    windowSeconds: numberSetting('AUTHENTICATION_FAILURE_WINDOW_SECONDS', 1),
  }
  const singleUseTable = setting('SINGLE_USE_TABLE')
  const clients = new ClientsTable(client, setting('CLIENTS_TABLE'), singleUseTable, records)
  const failures = new AuthenticationFailuresTable(client, singleUseTable, failureLimit, records)
  const singleUse = new SingleUseTable(client, singleUseTable, records)
  const allowOrigin = optionalSetting('COUNTERSIGN_JWKS_URI_ALLOW')
  const jwksUris = new ClientJwksUris({ clock, records }, { allowOrigin })
  return {
    issuer: setting('ISSUER'),
    failureLimit,
    findClient: subject => clients.find(subject),
    recordFailure: (subject, recent, now) => failures.record(subject, recent, now),
    fetchClientKeys: (uri, kid, algorithm) => jwksUris.find(uri, kid, algorithm),
    claimAssertion: (clientId, use, now) => singleUse.claimAssertion(clientId, use, now),
    recordSecretUse: (clientId, secretId, now) => singleUse.recordSecretUse(clientId, secretId, now),
  }
}
