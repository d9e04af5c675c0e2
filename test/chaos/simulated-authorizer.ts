import { type AccessDecision, authorize } from '../../lambda/oauth/authorize.ts'
import { type Clock, epochSeconds } from '../../lambda/oauth/clock.ts'
import { RevocationFeed } from '../../lambda/oauth/revocation-feed.ts'
import type { RouteTable } from '../../lambda/oauth/route-table.ts'
import { verificationKey } from '../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import { VerifiedTokenMemory } from '../../lambda/oauth/verified-token-memory.ts'
import type { AccessTokenVerification } from '../../lambda/oauth/verify-access-token.ts'
import { verifySignature } from '../../lambda/oauth/verify-signature.ts'
import type { Bounds } from './findings.ts'
import type { Time } from './history.ts'
import type { SimulatedKeys } from './simulated-keys.ts'
import type { SimulatedStore } from './simulated-store.ts'
import type { Decide, Wrappers } from './wrappers.ts'

export const issuer = 'https://issuer.example.com'
export const audience = 'https://orders.example.com'
export const shards = 4

/** How long init may load revocations, as the authorizer's does. */
const initMilliseconds = 2000

/** What every simulated function is made of. */
export interface Surroundings {
  readonly store: SimulatedStore
  readonly keys: SimulatedKeys
  readonly clock: Clock
  readonly time: Time
  readonly wrappers: Wrappers
  readonly bounds: Bounds
}

/** Verification by a ring of the process's own, as the functions have it. */
export function simulatedVerification(
  { keys, clock, wrappers }: Surroundings,
  accepted: string | undefined,
): { ring: SigningKeyRing; verification: AccessTokenVerification } {
  const ring = new SigningKeyRing(async () => wrappers.verifierRing(await keys.read()), clock)
  const verification: AccessTokenVerification = {
    issuer,
    audience: accepted,
    findKey: kid => ring.findOrRead(kid),
    verifySignature: (token, key) => {
      const end = token.lastIndexOf('.')
      const signature = Buffer.from(token.slice(end + 1), 'base64url')
      return verifySignature(token.slice(0, end), signature, verificationKey(key))
    },
  }
  return { ring, verification }
}

/** One execution environment of the authorizer: its memory, ring and snapshot of revocations go with it. */
export async function startAuthorizer(surroundings: Surroundings, routes: RouteTable): Promise<Decide> {
  const { store, clock, time, wrappers, bounds } = surroundings
  const { ring, verification } = simulatedVerification(surroundings, audience)
  const revocations = wrappers.revocationStore(
    store.revocationStore(shards, 'consistent'),
    store.revocationStore(shards, 'eventual'),
  )
  const feed = new RevocationFeed(
    revocations,
    {
      shards,
      refreshSeconds: bounds.maxRevocationDelay / 1000,
      outageGraceSeconds: bounds.revocationOutageGrace / 1000,
      onOutage: () => undefined,
      onRefresh: () => undefined,
      // Each refresh as late as it may be, and the same run for the same seed.
      random: () => 0,
    },
    clock,
  )
  const isRevoked = wrappers.isRevoked(token => feed.isRevoked(token))
  const memory = new VerifiedTokenMemory()
  const decide = async (text: string, routeKey: string): Promise<AccessDecision> => {
    const authorization = `Bearer ${wrappers.presentedToken(text)}`
    const api = {
      ...verification,
      routes,
      memory,
      findKnownKey: (kid: string) => ring.find(kid),
      isRevoked: (token: Parameters<typeof isRevoked>[0]) => isRevoked(token, text),
    }
    return authorize({ routeKey, authorization }, api, epochSeconds(clock))
  }
  await Promise.all([ring.refresh().catch(() => undefined), feed.start(initMilliseconds)])
  return wrappers.decide(decide, time)
}
