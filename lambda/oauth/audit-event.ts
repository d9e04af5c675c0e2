import type { DecisionFacts } from './decision-facts.ts'

/** The decisions that are recorded. */
export type AuditedAction =
  | 'token.issue'
  | 'token.revoke'
  | 'token.introspect'
  | 'api.authorize'
  | 'client.create'
  | 'client.list'
  | 'client.show'
  | 'client.update'
  | 'client.disable'
  | 'client.enable'
  | 'client.delete'
  | 'client.revoke-tokens'
  | 'secret.add'
  | 'secret.remove'
  | 'secret.rotate'
  | 'client.declare'
  | 'client.withdraw'
  | 'resource-server.create'
  | 'resource-server.list'
  | 'resource-server.show'
  | 'resource-server.update'
  | 'resource-server.delete'
  | 'resource-server.declare'
  | 'token.revoke-all'
  | 'key.list'
  | 'key.rotate'
  | 'key.create'
  | 'key.activate'
  | 'key.retire'
  | 'key.remove'
  | 'key.revoke'
  | 'api-key.create'
  | 'api-key.remove'
  | 'api-key.keep'

/**
 * One audit event a decision. `reason` is a fixed code (`ok` when allowed). No member holds a token, a secret, an
 * assertion or text that a caller made up.
 */
export interface AuditEvent extends DecisionFacts {
  /** What was decided on. */
  readonly audit: AuditedAction
  /** `failed`: it could not be known, or done; nothing was allowed. */
  readonly outcome: 'allowed' | 'refused' | 'failed'
  /** A fixed code: `ok` when allowed. */
  readonly reason: string
  /** The gateway's id of the request; empty where there is none. */
  readonly requestId: string
  /** The address that the request came from, where it is known. */
  readonly sourceIp: string | undefined
  /** Administration: the caller's ARN. */
  readonly actor?: string | undefined
  /** What was acted on where it is not a client: a secret's or a key's identifier. */
  readonly subject?: string | undefined
}
