export type { AccessTokenClaims } from '../lambda/oauth/access-token-claims.ts'
export type { AuditEvent } from '../lambda/oauth/audit-event.ts'
export type { ScopeRequirement } from '../lambda/oauth/route-table.ts'
export {
  type Auth,
  createGuard,
  type Guard,
  type GuardDecision,
  type GuardedRequest,
} from './create-guard.ts'
export type { ExpressMiddleware } from './express.ts'
export type { FetchHandler, FetchListener } from './fetch.ts'
export type {
  GuardOptions,
  IntrospectionOptions,
  JwksOptions,
  RevocationsTableOptions,
  SigningKeysTableOptions,
} from './guard-options.ts'
export type { GuardVariables, HonoContext, HonoMiddleware } from './hono.ts'
export type { NodeHandler, NodeListener } from './node-http.ts'
