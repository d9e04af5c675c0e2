export { AuthorizationServer } from './authorization-server.ts'
export type { AuthorizationServerProps, TokenThrottle } from './authorization-server-props.ts'
export type { AuthorizeOptions } from './scope-requirement.ts'
