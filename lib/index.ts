export type { TokenEndpointAuthMethod } from '../lambda/oauth/client.ts'
export type { JwsAlgorithm } from '../lambda/oauth/public-key.ts'
export type { Custody as SigningKeyCustody } from '../lambda/oauth/signing-key.ts'
export { AuthorizationServerAlarms, type AuthorizationServerAlarmsProps } from './alarms.ts'
export type { AuthorizationServerParts } from './assembled-authorization-server.ts'
export { AuthorizationServer } from './authorization-server.ts'
export type {
  AuthorizationServerAttributes,
  RevocationsAttributes,
} from './authorization-server-attributes.ts'
export { AuthorizationServerBase, type IAuthorizationServer } from './authorization-server-base.ts'
export type {
  AuthenticationFailureLimit,
  AuthorizationServerProps,
  TokenThrottle,
} from './authorization-server-props.ts'
export type { ClientGrant, ClientOptions, PublicJwk } from './client-options.ts'
export {
  ClientThrottling,
  type ClientThrottlingOptions,
  type ClientThrottlingProps,
} from './client-throttling.ts'
export { AuthorizationServerDashboard, type AuthorizationServerDashboardProps } from './dashboard.ts'
export { type DeclaredClient, DeclaredClients, type DeclaredClientsProps } from './declared-clients.ts'
export {
  AdministrationFunction,
  type ClientEndpointFunctionProps,
  type EndpointFunctionProps,
  IntrospectionFunction,
  MetadataFunction,
  RevocationFunction,
  TokenFunction,
  type TokenFunctionProps,
} from './endpoint-functions.ts'
export type { ResourceMetadataOptions } from './resource-metadata.ts'
export {
  RegistrarFunction,
  type RegistrarFunctionProps,
  type ResourceServerOptions,
  ResourceServers,
} from './resource-servers.ts'
export type { AuthorizeOptions } from './scope-requirement.ts'
export type { AuthorizationServerFunctions } from './server-functions.ts'
export { addServerRoutes } from './server-routes.ts'
export { KeeperFunction, type KeeperFunctionProps, SigningKeyRing } from './signing-key-ring.ts'
export { AuthorizationServerStorage, type AuthorizationServerStorageProps } from './storage.ts'
