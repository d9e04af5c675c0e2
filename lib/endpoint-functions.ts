import type { Construct } from 'constructs'
import { type AuthorizationServerProps, checkSettings } from './authorization-server-props.ts'
import { bundledCode, CountersignFunction, type CountersignFunctionProps } from './functions.ts'
import {
  adminPermissions,
  introspectPermissions,
  metadataPermissions,
  revokePermissions,
  tokenPermissions,
} from './permissions.ts'
import type { AuthorizationServerStorage } from './storage.ts'

/** What every endpoint has to know. */
export interface EndpointFunctionProps extends Pick<AuthorizationServerProps, 'logRetention'> {
  /** The issuer identifier (RFC 8414 §2). The endpoints are below it. */
  readonly issuer: string
  /** The tables and the ring of keys that it uses, in its own account and Region. */
  readonly storage: AuthorizationServerStorage
}

/** What every endpoint that authenticates its callers has to know. */
export interface ClientEndpointFunctionProps
  extends EndpointFunctionProps,
    Pick<AuthorizationServerProps, 'authenticationFailureLimit'> {}

/** What the token endpoint has to know. */
export interface TokenFunctionProps
  extends ClientEndpointFunctionProps,
    Pick<AuthorizationServerProps, 'accessTokenLifetime'> {}

/** A function behind the API of a server. */
class EndpointFunction extends CountersignFunction {
  /** The issuer identifier (RFC 8414 §2) below which it answers. */
  readonly issuer: string
  /** The tables and the ring of keys that it uses. */
  readonly storage: AuthorizationServerStorage

  constructor(
    scope: Construct,
    id: string,
    { issuer, storage, logRetention }: EndpointFunctionProps,
    settings: Omit<CountersignFunctionProps, 'logRetention'>,
  ) {
    super(scope, id, { ...settings, logRetention })
    this.issuer = issuer
    this.storage = storage
  }
}

/** The function of the token endpoint (RFC 6749 §3.2). */
export class TokenFunction extends EndpointFunction {
  /** @throws Error when a setting is out of its limits */
  constructor(scope: Construct, id: string, props: TokenFunctionProps) {
    const { storage } = props
    super(scope, id, props, {
      service: 'token',
      description: 'Countersign: issues access tokens (RFC 6749)',
      code: bundledCode('token'),
      memorySize: 512,
      environment: {
        ...issuerAndKeys(props),
        ...clientAuthentication(props),
        ...resourceServers(storage),
        ACCESS_TOKEN_LIFETIME_SECONDS: String(checkSettings(props).accessTokenLifetimeSeconds),
      },
      statements: tokenPermissions(storage, storage.signingKeyRing),
    })
  }
}

/** The function of the revocation endpoint (RFC 7009 §2). */
export class RevocationFunction extends EndpointFunction {
  /** @throws Error when a setting is out of its limits */
  constructor(scope: Construct, id: string, props: ClientEndpointFunctionProps) {
    const { storage } = props
    super(scope, id, props, {
      service: 'revoke',
      description: 'Countersign: revokes access tokens for their clients (RFC 7009)',
      code: bundledCode('revoke'),
      environment: { ...issuerAndKeys(props), ...clientAuthentication(props), ...revocations(storage) },
      statements: revokePermissions(storage),
    })
  }
}

/** The function of the introspection endpoint (RFC 7662 §2). */
export class IntrospectionFunction extends EndpointFunction {
  /** @throws Error when a setting is out of its limits */
  constructor(scope: Construct, id: string, props: ClientEndpointFunctionProps) {
    const { storage } = props
    super(scope, id, props, {
      service: 'introspect',
      description: 'Countersign: describes access tokens to resource servers and their clients (RFC 7662)',
      code: bundledCode('introspect'),
      environment: { ...issuerAndKeys(props), ...clientAuthentication(props), ...revocations(storage) },
      statements: introspectPermissions(storage),
    })
  }
}

/** The function that publishes the metadata (RFC 8414 §3) and the public keys (RFC 7517 §5). */
export class MetadataFunction extends EndpointFunction {
  constructor(scope: Construct, id: string, props: EndpointFunctionProps) {
    const { storage } = props
    super(scope, id, props, {
      service: 'metadata',
      description: 'Countersign: publishes metadata and keys (RFC 8414, RFC 7517)',
      code: bundledCode('metadata'),
      environment: issuerAndKeys(props),
      statements: metadataPermissions(storage),
    })
  }
}

/** The function of the administration API. Its callers are to be authenticated by IAM, at the API. */
export class AdministrationFunction extends EndpointFunction {
  constructor(scope: Construct, id: string, props: EndpointFunctionProps) {
    const { storage } = props
    super(scope, id, props, {
      service: 'admin',
      description: 'Countersign: administers clients and revocations',
      code: bundledCode('admin'),
      environment: {
        ...issuerAndKeys(props),
        ...clientsAndUse(storage),
        ...resourceServers(storage),
        ...revocations(storage),
      },
      statements: adminPermissions(storage),
    })
  }
}

const issuerAndKeys = ({ issuer, storage }: EndpointFunctionProps) => ({
  ISSUER: issuer,
  SIGNING_KEYS_TABLE: storage.signingKeys.tableName,
  SIGNING_KEY_RING: storage.signingKeyRing,
})

const clientsAndUse = ({ clients, singleUse }: AuthorizationServerStorage) => ({
  CLIENTS_TABLE: clients.tableName,
  SINGLE_USE_TABLE: singleUse.tableName,
})

function clientAuthentication(props: ClientEndpointFunctionProps): Record<string, string> {
  const { failures, windowSeconds } = checkSettings(props).authenticationFailureLimit
  return {
    ...clientsAndUse(props.storage),
    AUTHENTICATION_FAILURE_LIMIT: String(failures),
    AUTHENTICATION_FAILURE_WINDOW_SECONDS: String(windowSeconds),
  }
}

const resourceServers = (storage: AuthorizationServerStorage) => ({
  RESOURCE_SERVERS_TABLE: storage.resourceServers.tableName,
})

const revocations = (storage: AuthorizationServerStorage) => ({
  REVOCATIONS_TABLE: storage.revocations.tableName,
  REVOCATION_SHARDS: String(storage.revocationShards),
})
