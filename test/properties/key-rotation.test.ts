import fc from 'fast-check'
import { describe, expect, vi } from 'vitest'
import { currentSigningKey } from '../../lambda/oauth/signing-key.ts'
import { jwksMaxAgeSeconds, publishingRingRefreshSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { KeyRotationWorld, policy } from './key-rotation-world.ts'
import { itHolds } from './run-property.ts'

// Ten thousand schedules take a while.
vi.setConfig({ testTimeout: 180_000 })

/** What happens next, and after how long. A run that is late, or crashes, is one among others. */
const event = fc.record({
  wait: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 600 }) },
    { weight: 1, arbitrary: fc.integer({ min: 600, max: 2 * policy.rotationSeconds }) },
  ),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant('keep' as const) },
    { weight: 2, arbitrary: fc.constant('keep twice' as const) },
    { weight: 2, arbitrary: fc.constant('rotate' as const) },
    { weight: 1, arbitrary: fc.constant('revoke' as const) },
    { weight: 1, arbitrary: fc.constant('outage' as const) },
  ),
  /** At which step the keeper crashes; most do not get that far. */
  crashAt: fc.integer({ min: 1, max: 12 }),
  crashesBefore: fc.boolean(),
  lifetime: fc.integer({ min: 60, max: 3600 }),
})

/** How long a copy of the ring or of the JWKS may outlive a change. */
const staleSeconds = jwksMaxAgeSeconds + publishingRingRefreshSeconds

/** A valid token is accepted by everybody, one of a key whose end has come by nobody. */
async function checkKeys(world: KeyRotationWorld): Promise<void> {
  const live = new Set(world.tokens.filter(token => world.seconds < token.exp).map(token => token.kid))
  for (const kid of new Set([...live, ...world.ended.keys()])) {
    const { authorizers, jwks } = await world.acceptance(kid)
    // A key that signs at once, in an emergency, is one that others do not know, and ours after their next reading.
    const readableSince = Math.max(world.rows.get(kid)?.createdAt ?? 0, world.lastOutage)
    const isNew = world.early.has(kid) && world.seconds < readableSince + 10
    const everybody = world.early.has(kid) ? authorizers : [...authorizers, ...jwks]
    if (!isNew && live.has(kid) && !world.revoked.has(kid) && world.rows.get(kid)?.state !== 'revoked')
      expect(everybody, `a valid token of ${kid} is accepted`).not.toContain(false)
    // In an outage the last good copy serves; what is revoked, and for how long that holds then, is the revocations' part.
    if (world.isStoreDown) continue
    const end = world.ended.get(kid)
    // Ours know the end; a JWKS does not say it, so that others go by what was published before.
    if (end && world.seconds >= Math.max(end.verifyUntil, end.decidedAt + staleSeconds))
      expect(authorizers, `a token of ${kid}, whose end has come, is refused`).not.toContain(true)
    if (end && world.seconds >= Math.max(end.verifyUntil, end.decidedAt) + staleSeconds)
      expect(jwks, `a token of ${kid}, whose end has come, is refused by others`).not.toContain(true)
    const revokedAt = world.revoked.get(kid)
    if (revokedAt !== undefined && world.seconds >= revokedAt + staleSeconds)
      expect([...authorizers, ...jwks], `a token of ${kid}, which is revoked, is refused`).not.toContain(true)
  }
}

describe('signing keys that rotate', () => {
  itHolds(
    'refuse no valid token and accept none of a retired or revoked key, however runs are late, crash or overlap',
    10_000,
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 25 }), async events => {
      const world = new KeyRotationWorld()
      await world.keeper(0, false).keep()
      let crashes = 0
      for (const { wait, what, crashAt, crashesBefore, lifetime } of events) {
        // Time passes in steps no longer than a copy is kept, as it does where requests come in.
        const until = world.seconds + wait
        while (world.seconds < until) {
          world.seconds = Math.min(until, world.seconds + jwksMaxAgeSeconds)
          await world.refreshJwks()
        }
        world.isStoreDown = what === 'outage' && wait < jwksMaxAgeSeconds
        if (world.isStoreDown) world.lastOutage = world.seconds
        const keeper = world.keeper(crashAt, crashesBefore)
        const runs: Promise<unknown>[] = []
        if (what === 'keep' || what === 'keep twice') runs.push(keeper.keep())
        if (what === 'keep twice') runs.push(world.keeper(0, false).keep())
        if (what === 'rotate') runs.push(keeper.rotate())
        if (what === 'revoke') {
          const [kid] = world.tokens.slice(-1).map(token => token.kid)
          if (kid !== undefined) runs.push(keeper.revoke(kid).then(() => keeper.keep()))
        }
        const ends = await Promise.all(runs.map(run => world.survives(run)))
        crashes += ends.filter(survived => !survived).length
        await world.issue(lifetime)
        await checkKeys(world)
        world.isStoreDown = false
      }
      // Whatever happened, one more run makes the ring whole, and only a crash leaves a key that nobody knows of.
      world.seconds += 3600
      await world.keeper(0, false).keep()
      const keys = [...world.rows.values()]
      expect(currentSigningKey(keys, world.seconds)).toBeDefined()
      expect(keys.some(({ state }) => state === 'standby')).toBe(true)
      const known = new Set([...world.rows.keys(), ...[...world.pending.values()].map(key => key.kmsKeyArn)])
      const unknown = [...world.keysMade].filter(kid => !known.has(kid))
      expect(unknown.length).toBeLessThanOrEqual(crashes)
    }),
  )
})
