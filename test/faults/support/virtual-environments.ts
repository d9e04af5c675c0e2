import { type AccessDecision, authorize } from '../../../lambda/oauth/authorize.ts'
import { epochSeconds } from '../../../lambda/oauth/clock.ts'
import { RevocationFeed, type RevocationStore } from '../../../lambda/oauth/revocation-feed.ts'
import { parseRouteTable } from '../../../lambda/oauth/route-table.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../../lambda/oauth/signing-key-ring.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { VerifiedTokenMemory } from '../../../lambda/oauth/verified-token-memory.ts'
import { fakeRevocations, shards, virtualClock } from '../../lambda/oauth/support/fake-revocations.ts'
import { audience, issuer, signingKey, verifySignature } from '../../lambda/oauth/support/token-maker.ts'

const routes = parseRouteTable(JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }))

/** In seconds, as a deployment has them by default. */
export const bounds = { refreshSeconds: 5, outageGraceSeconds: 60 }

/**
 * One store and any number of execution environments of an authorizer, in virtual time and in this process: composed as
 * the function composes them. The store counts what it is asked.
 */
export class VirtualEnvironments {
  readonly clock = virtualClock()
  readonly revocations = fakeRevocations(this.clock)
  /** What the environments read revocations with: the store above, unless a test puts something else here. */
  readonly reading: { read: RevocationStore['read']; lookUp: RevocationStore['lookUp'] } = {
    read: (...page) => this.revocations.read(...page),
    lookUp: subjects => this.revocations.lookUp(subjects),
  }
  readonly ring: {
    read: () => Promise<readonly SigningKey[]>
    keys: readonly SigningKey[]
    reads: number
    isDown: boolean
  } = { read: async () => this.#readRing(), keys: [signingKey], reads: 0, isDown: false }

  #readRing(): readonly SigningKey[] {
    this.ring.reads++
    if (this.ring.isDown) throw new Unavailable('store')
    return this.ring.keys
  }

  /** An environment whose init has ended. */
  async start(options: Partial<typeof bounds> = {}) {
    const { clock } = this
    const ring = new SigningKeyRing(() => this.ring.read(), clock)
    const feed = new RevocationFeed(
      {
        read: (...page) => this.reading.read(...page),
        lookUp: subjects => this.reading.lookUp(subjects),
      },
      {
        shards,
        ...bounds,
        ...options,
        onOutage: () => undefined,
        onRefresh: () => undefined,
        // Each refresh as late as it may be.
        random: () => 0,
      },
      clock,
    )
    const api = {
      issuer,
      audience,
      routes,
      memory: new VerifiedTokenMemory(),
      findKey: (kid: string) => ring.findOrRead(kid),
      findKnownKey: (kid: string) => ring.find(kid),
      verifySignature,
      isRevoked: feed.isRevoked.bind(feed),
    }
    await Promise.all([ring.refresh().catch(() => undefined), feed.start(2000)])
    const decide = (token: string): Promise<AccessDecision> =>
      authorize({ routeKey: 'GET /orders', authorization: `Bearer ${token}` }, api, epochSeconds(clock))
    return {
      ring,
      /** `allowed`, or why not. */
      async ask(token: string): Promise<string> {
        const decision = await decide(token)
        return decision.outcome === 'allowed' ? 'allowed' : decision.reason
      },
    }
  }
}
