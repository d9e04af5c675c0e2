export { AuthorizationServer, type IAuthorizationServer } from './authorization-server.ts'
export type {
  AuthorizationServerAttributes,
  RevocationsAttributes,
} from './authorization-server-attributes.ts'
export type {
  AuthenticationFailureLimit,
  AuthorizationServerProps,
  TokenThrottle,
} from './authorization-server-props.ts'
export type { ClientGrant, ClientOptions, PublicJwk } from './client-options.ts'
export type { DeclaredClient } from './declared-clients.ts'
export type { ResourceServerOptions } from './resource-servers.ts'
export type { AuthorizeOptions } from './scope-requirement.ts'
