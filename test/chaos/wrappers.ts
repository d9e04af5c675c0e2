import type { AccessDecision } from '../../lambda/oauth/authorize.ts'
import type { FindClient } from '../../lambda/oauth/client-authentication.ts'
import type { RevocableToken, Revocation } from '../../lambda/oauth/revocation.ts'
import type { RevocationStore } from '../../lambda/oauth/revocation-feed.ts'
import type { SigningKey } from '../../lambda/oauth/signing-key.ts'
import type { Outcome, Time } from './history.ts'

export type Decide = (token: string, routeKey: string) => Promise<AccessDecision>

/** Whether a token is revoked; its text as it was presented goes along. */
export type IsRevoked = (token: RevocableToken, text: string) => Promise<boolean>

/**
 * What the simulated system has around the functions that it is made of. As they are they pass everything on; a planted
 * bug replaces one or two of them.
 */
export interface Wrappers {
  /** Of the store's two readings, the one that everybody uses. */
  readonly revocationStore: (consistent: RevocationStore, eventual: RevocationStore) => RevocationStore
  readonly writeRevocation: (
    write: (revocation: Revocation) => Promise<void>,
  ) => (revocation: Revocation) => Promise<void>
  readonly findClient: (find: FindClient) => FindClient
  /** The text that identifies one use of an assertion. */
  readonly assertionUse: (clientId: string, jti: string) => string
  /** The ring as verifiers read it. */
  readonly verifierRing: (ring: readonly SigningKey[]) => readonly SigningKey[]
  /** The token's text as verifiers take it. */
  readonly presentedToken: (text: string) => string
  readonly isRevoked: (isRevoked: IsRevoked) => IsRevoked
  /** Once for each authorizer process. */
  readonly decide: (decide: Decide, time: Time) => Decide
  /** The answer to the revocation of a token, by its text. */
  readonly revokeToken: (
    revoke: (text: string) => Promise<Outcome<unknown>>,
  ) => (text: string) => Promise<Outcome<unknown>>
}

export const noWrappers: Wrappers = {
  revocationStore: consistent => consistent,
  writeRevocation: write => write,
  findClient: find => find,
  assertionUse: (clientId, jti) => `${clientId}#${jti}`,
  verifierRing: ring => ring,
  presentedToken: text => text,
  isRevoked: isRevoked => isRevoked,
  decide: decide => decide,
  revokeToken: revoke => revoke,
}
