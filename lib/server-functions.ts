import { Token } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import {
  AdministrationFunction,
  IntrospectionFunction,
  MetadataFunction,
  RevocationFunction,
  TokenFunction,
  type TokenFunctionProps,
} from './endpoint-functions.ts'
import type { CountersignFunction } from './functions.ts'
import { RegistrarFunction } from './resource-servers.ts'
import { KeeperFunction, type KeeperFunctionProps } from './signing-key-ring.ts'

/** The functions of an authorization server. One that is left out has no routes, alarms and graphs. */
export interface AuthorizationServerFunctions {
  /** Issues tokens. */
  readonly token: TokenFunction
  /** Publishes the metadata and the keys. */
  readonly metadata: MetadataFunction
  /** Looks after the signing keys. */
  readonly keeper: KeeperFunction
  /** @default - tokens cannot be revoked by their clients */
  readonly revocation?: RevocationFunction
  /** @default - tokens cannot be introspected */
  readonly introspection?: IntrospectionFunction
  /** @default - no administration API: clients are declared in the app, keys are rotated on schedule alone */
  readonly administration?: AdministrationFunction
  /** @default - no resource servers are declared in the app */
  readonly registrar?: RegistrarFunction
}

/** Those behind the API, by the names that people see. */
export function endpointsByName(functions: AuthorizationServerFunctions): Map<string, CountersignFunction> {
  const { token, revocation, introspection, metadata, administration } = functions
  const all: [string, CountersignFunction | undefined][] = [
    ['Token', token],
    ['Revoke', revocation],
    ['Introspect', introspection],
    ['Metadata', metadata],
    ['Admin', administration],
  ]
  return new Map(all.filter(entry => entry[1] !== undefined) as [string, CountersignFunction][])
}

/**
 * Functions of two servers would each do their part: tokens that nobody finds keys for, revocations that nobody reads.
 *
 * @throws Error when they are not of one storage, or not of one issuer
 */
export function checkOneServer(functions: AuthorizationServerFunctions): void {
  const { token } = functions
  const others: (AuthorizationServerFunctions[keyof AuthorizationServerFunctions] | undefined)[] =
    Object.values(functions)
  for (const other of others) {
    if (other === undefined) continue
    if (other.storage !== token.storage) {
      throw new Error(
        `the functions of a server must have one storage, got another one in ${other.node.path} than in ${token.node.path}: give them the same`,
      )
    }
    if (!('issuer' in other) || other.issuer === token.issuer) continue
    // A deploy-time value may turn out to be the same.
    if (Token.isUnresolved(other.issuer) || Token.isUnresolved(token.issuer)) continue
    throw new Error(
      `the functions of a server must have one issuer, got ${other.issuer} in ${other.node.path} and ${token.issuer} in ${token.node.path}: give them the same`,
    )
  }
}

/** All of them, by the names that their logical ids are made of. */
export function createServerFunctions(server: Construct, props: TokenFunctionProps & KeeperFunctionProps) {
  return {
    token: new TokenFunction(server, 'Token', props),
    revocation: new RevocationFunction(server, 'Revoke', props),
    introspection: new IntrospectionFunction(server, 'Introspect', props),
    metadata: new MetadataFunction(server, 'Metadata', props),
    administration: new AdministrationFunction(server, 'Admin', props),
    keeper: new KeeperFunction(server, 'Keeper', props),
    registrar: new RegistrarFunction(server, 'Registrar', props),
  }
}
