import type { RevocationFeed } from '../oauth/revocation-feed.ts'
import { assumedRole } from './assumed-role.ts'
import { dynamoDbClient } from './aws-clients.ts'
import type { ServerSources } from './configured-protected-api.ts'
import { configuredRevocationFeed } from './configured-stores.ts'
import { optionalSetting, setting } from './environment.ts'
import type { FunctionContext } from './function-context.ts'
import { IssuerKeys } from './issuer-keys.ts'

/** A server of another app, account or Region: its JWKS, and its table of revocations where it lets them be read. */
export function serverElsewhere(context: FunctionContext): ServerSources {
  return {
    keys: new IssuerKeys(setting('JWKS_URI'), context.clock, context.records),
    revocations: optionalSetting('REVOCATIONS_TABLE') === undefined ? undefined : revocationsOf(context),
  }
}

function revocationsOf(context: FunctionContext): RevocationFeed {
  const roleArn = optionalSetting('REVOCATIONS_ROLE_ARN')
  const client = dynamoDbClient(context.watch, {
    region: setting('REVOCATIONS_REGION'),
    ...(roleArn !== undefined && { credentials: assumedRole(roleArn) }),
  })
  return configuredRevocationFeed(client, context)
}
