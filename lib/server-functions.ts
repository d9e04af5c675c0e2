import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { CheckedSettings } from './authorization-server-props.ts'
import { bundledCode, createFunction } from './functions.ts'
import {
  adminPermissions,
  introspectPermissions,
  keeperPermissions,
  metadataPermissions,
  registrarPermissions,
  revokePermissions,
  tokenPermissions,
} from './permissions.ts'
import { registrarTimeout } from './resource-servers.ts'
import { keeperTimeout } from './signing-key-ring.ts'
import type { CountersignTables } from './tables.ts'

export interface ServerFunctions {
  readonly token: LambdaFunction
  readonly revoke: LambdaFunction
  readonly introspect: LambdaFunction
  readonly metadata: LambdaFunction
  readonly admin: LambdaFunction
  readonly keeper: LambdaFunction
  readonly registrar: LambdaFunction
}

export interface ServerFunctionsProps {
  readonly issuer: string
  readonly ring: string
  readonly tables: CountersignTables
  readonly settings: CheckedSettings
  readonly logRetention: RetentionDays
  /** Custody `envelope`: the key that wraps private keys. */
  readonly wrappingKey: IKey | undefined
}

/** Makes the authorization server's functions, each with the environment and the permissions it needs. */
export function createServerFunctions(scope: Construct, props: ServerFunctionsProps): ServerFunctions {
  const { tables, ring, settings, logRetention } = props
  const keys = { SIGNING_KEYS_TABLE: tables.signingKeys.tableName, SIGNING_KEY_RING: ring }
  const base = { ISSUER: props.issuer, ...keys }
  const clientsAndUse = {
    CLIENTS_TABLE: tables.clients.tableName,
    SINGLE_USE_TABLE: tables.singleUse.tableName,
  }
  const clientAuthentication = {
    ...clientsAndUse,
    AUTHENTICATION_FAILURE_LIMIT: String(settings.authenticationFailureLimit.failures),
    AUTHENTICATION_FAILURE_WINDOW_SECONDS: String(settings.authenticationFailureLimit.windowSeconds),
  }
  const resourceServers = { RESOURCE_SERVERS_TABLE: tables.resourceServers.tableName }
  const revocations = {
    REVOCATIONS_TABLE: tables.revocations.tableName,
    REVOCATION_SHARDS: String(settings.revocationShards),
  }
  return {
    token: createFunction(scope, 'Token', {
      service: 'token',
      description: 'Countersign: issues access tokens (RFC 6749)',
      code: bundledCode('token'),
      memorySize: 512,
      environment: {
        ...base,
        ...clientAuthentication,
        ...resourceServers,
        ACCESS_TOKEN_LIFETIME_SECONDS: String(settings.accessTokenLifetimeSeconds),
      },
      statements: tokenPermissions(tables, ring),
      logRetention,
    }),
    revoke: createFunction(scope, 'Revoke', {
      service: 'revoke',
      description: 'Countersign: revokes access tokens for their clients (RFC 7009)',
      code: bundledCode('revoke'),
      environment: { ...base, ...clientAuthentication, ...revocations },
      statements: revokePermissions(tables),
      logRetention,
    }),
    introspect: createFunction(scope, 'Introspect', {
      service: 'introspect',
      description: 'Countersign: describes access tokens to resource servers and their clients (RFC 7662)',
      code: bundledCode('introspect'),
      environment: { ...base, ...clientAuthentication, ...revocations },
      statements: introspectPermissions(tables),
      logRetention,
    }),
    metadata: createFunction(scope, 'Metadata', {
      service: 'metadata',
      description: 'Countersign: publishes metadata and keys (RFC 8414, RFC 7517)',
      code: bundledCode('metadata'),
      environment: base,
      statements: metadataPermissions(tables),
      logRetention,
    }),
    admin: createFunction(scope, 'Admin', {
      service: 'admin',
      description: 'Countersign: administers clients and revocations',
      code: bundledCode('admin'),
      environment: { ...base, ...clientsAndUse, ...resourceServers, ...revocations },
      statements: adminPermissions(tables),
      logRetention,
    }),
    keeper: createFunction(scope, 'Keeper', {
      service: 'keeper',
      description: 'Countersign: keeps the ring of signing keys',
      code: bundledCode('keeper'),
      timeout: keeperTimeout,
      environment: {
        ...keys,
        ...revocations,
        SIGNING_ALGORITHM: settings.signingAlgorithm,
        SIGNING_KEY_CUSTODY: settings.signingKeyCustody,
        SIGNING_KEY_ROTATION_SECONDS: String(settings.signingKeyRotationSeconds),
        ...(props.wrappingKey && { WRAPPING_KEY_ARN: props.wrappingKey.keyArn }),
      },
      statements: keeperPermissions(tables, ring),
      logRetention,
    }),
    registrar: createFunction(scope, 'Registrar', {
      service: 'registrar',
      description: 'Countersign: registers the resource servers that the app declares',
      code: bundledCode('registrar'),
      timeout: registrarTimeout,
      environment: { CLIENTS_TABLE: tables.clients.tableName, ...resourceServers },
      statements: registrarPermissions(tables),
      logRetention,
    }),
  }
}
